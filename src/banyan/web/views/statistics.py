"""What one's own region, a part of it, or an issuing point has finished."""

from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from banyan.domain.parties import access as parties
from banyan.domain.parties.errors import NotFound, OutOfScope, UnknownRegion
from banyan.kernel import clock
from banyan.web.middleware import StaffRequest
from banyan.web.needs import needs
from banyan.web.reading import statistics


@needs("statistics.read")
@require_safe
def show(request: StaffRequest) -> HttpResponse:
    """Numbers of everything within sight, or of the place chosen: ``region:350100``, ``point:3``."""
    actor, where = request.actor, request.GET.get("where", "")[:20]
    tree = parties.region_tree()
    region = where[7:] if where.startswith("region:") else None
    point_id = int(where[6:]) if where.startswith("point:") and where[6:].isdecimal() else None
    try:
        found = statistics.read(actor, region=region, point_id=point_id)
    except (OutOfScope, UnknownRegion) as error:
        raise NotFound from error  # what lies elsewhere and what is not there answer alike
    seen = [one for one in tree.regions if tree.is_within(one.code, actor.regions)]
    points = list(parties.issuing_points(actor).order_by("region_code", "code"))
    context = {
        "now": clock.now(),
        "found": found,
        "where": where,
        "regions": [(f"region:{one.code}", tree.full_name(one.code)) for one in seen],
        "points": [(f"point:{one.pk}", one.name) for one in points],
    }
    return render(request, "web/statistics.html", context)
