"""Requests of ``banyan bench pages`` that wait to be worked on."""

import random
from datetime import datetime, timedelta

from banyan.cli.bench.pages_parties import Parties
from banyan.domain.parties.access import local_day
from banyan.domain.ra.models import RequestState, ServiceRequest
from banyan.domain.ra.processes import Verb

_STEPS = (
    Verb.PRECHECK, Verb.APPROVE, Verb.APPROVE, Verb.ENTER, Verb.PROOFREAD, Verb.PROOFREAD, Verb.ISSUE, Verb.PERSONALIZE,
    Verb.NOTIFY_READY, Verb.HAND_OVER, Verb.HAND_OVER,
)  # fmt: skip
_SYSTEMS = ("GENERAL", "XINCHUANG", "MOBILE", "ESEAL")
_SEALS = _SYSTEMS.index("ESEAL")


def open_requests(
    model: ServiceRequest, parties: Parties, drawn: random.Random, end: datetime, count: int
) -> list[ServiceRequest]:
    """Open requests of the last days at every step; one in ten is past its day."""
    made = []
    for number in range(count):
        person = drawn.randrange(len(parties.people))
        body = person % len(parties.bodies)
        at = end - timedelta(days=4) * ((count - number) / count)
        late = timedelta(days=-drawn.randint(1, 5)) if number % 10 == 9 else timedelta(days=drawn.randint(0, 8))
        request = type(model).__new__(type(model))
        request.__dict__ = model.__dict__ | {
            "id": None, "number": f"KB{at:%y%m%d}{number:08d}", "business": "enroll", "channel": "COUNTER",
            "process": "counter", "step": str(_STEPS[number % len(_STEPS)]), "state": str(RequestState.OPEN),
            "system": _SYSTEMS[number % 4], "kind": "SEAL" if number % 4 == _SEALS else "PERSONAL",
            "subject_name": parties.names[person],
            "person_id": parties.people[person], "organization_id": parties.bodies[body], "pair_id": None,
            "region_code": parties.regions[body], "token_id": None, "token_serial": "", "issuance_id": None,
            "issued_pair_id": None, "approval_id": None, "proofreading_id": None, "opened_at": at, "updated_at": at,
            "closed_at": None, "due_on": local_day(end) + late, "is_due_provisional": False,
        }  # fmt: skip
        made.append(request)
    return made
