"""Approving several like requests at once, where nothing speaks against it."""

from collections.abc import Mapping
from datetime import datetime

from banyan.domain.ra import access, moving, together
from banyan.domain.ra.actions.deciding import approve_many
from banyan.domain.ra.errors import NotTogether, RequestNotFound
from banyan.domain.ra.models import ServiceRequest
from banyan.domain.ra.processes import Verb
from banyan.domain.ra.values import Outcome, Refused
from banyan.kernel.actor import Actor
from banyan.kernel.errors import N_, BanyanError


def approve_together(actor: Actor, seen: Mapping[int, str], now: datetime) -> Outcome:
    """Approve requests of one business and system that are safe (key → materials digest seen), each with its result.

    Those of another business or system than the first, and those with a concern, are refused with NotTogether; the rest
    as ``approve_many``. Raises iam.RightMissing.
    """
    found = {one.pk: one for one in access.requests(actor).filter(pk__in=list(seen)).order_by("pk")}
    for one in found.values():
        moving.ensure_right(actor, one, Verb.APPROVE)
    concerns = together.concerns(actor, list(found.values()), now)
    result = Outcome()
    good: list[int] = []
    first = next((found[key] for key in seen if key in found), None)
    places = {key: index for index, key in enumerate(seen)}
    for key, index in places.items():
        error = _refusal(found.get(key), first, concerns.get(key, []))
        if error is not None:
            result.refusals.append(Refused(index, error))
        else:
            good.append(key)
    outcome = approve_many(actor, good, now, seen_materials=seen)
    result.refusals += [Refused(places[good[one.index]], one.error) for one in outcome.refusals]
    done = {one.pk: one for one in outcome.done}
    result.requests = [done.get(key) for key in seen]
    return result


def _refusal(
    one: ServiceRequest | None, first: ServiceRequest | None, concerns: list[together.Concern]
) -> BanyanError | None:
    if one is None or first is None:
        return RequestNotFound()
    if (one.business, one.system) != (first.business, first.system):
        return NotTogether(number=one.number, reason=N_("业务或系统与其他的不同"))
    if one.step == Verb.APPROVE and concerns:
        return NotTogether(number=one.number, reason=concerns[0].label)
    return None
