"""What keeps somebody from a step, for pages that show it before anything is tried. Reads; never writes."""

from banyan.domain.ra import moving
from banyan.domain.ra.errors import RequestClosed, SamePerson, StepNotDue
from banyan.domain.ra.models import RequestState, ServiceRequest
from banyan.domain.ra.processes import Verb
from banyan.kernel.actor import Actor
from banyan.kernel.errors import BanyanError


def bar(actor: Actor, request: ServiceRequest, verb: Verb) -> BanyanError | None:
    """What keeps the actor from doing this step now; None where nothing does.

    Data may be corrected after their entry for as long as no certificate is asked for. Raises iam.RightMissing for who
    may not do the step at all.
    """
    try:
        if moving.process_of(request).has(verb):
            moving.ensure_right(actor, request, verb)
        if verb is Verb.ENTER and is_correctable(request):
            if request.proofreading is None:
                moving.ensure_other_person(actor, request, verb)
            return None
        moving.ensure_turn(request, verb)
        moving.ensure_other_person(actor, request, verb)
    except (RequestClosed, StepNotDue, SamePerson) as error:
        return error
    return None


def is_correctable(request: ServiceRequest) -> bool:
    """Whether data that were entered may still be corrected: the step is past, nothing is being issued."""
    process = moving.process_of(request)
    return (
        request.state == RequestState.OPEN
        and request.issuance_id is None
        and process.has(Verb.ENTER)
        and bool(request.data_digest)
        and process.position(request.step) > process.position(Verb.ENTER)
    )
