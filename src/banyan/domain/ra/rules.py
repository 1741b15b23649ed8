"""Decisions about requests as pure functions of values."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from banyan import gm
from banyan.domain.ca.rules import canonical_json
from banyan.domain.ra.processes import Process, RequiredMaterial, Verb, required_materials


def data_digest_of(text: str) -> str:
    """SM3 (hex) over the canonical text of a request's data; the salt inside keeps it from telling anything."""
    return gm.sm3(text.encode()).hex()


def data_digests(texts: list[str]) -> list[str]:
    """The digests of many canonical texts."""
    return [digest.hex() for digest in gm.sm3_many([text.encode() for text in texts])]


def materials_digest(materials: Iterable[tuple[str, str]]) -> str:
    """SM3 (hex) over the set of (code, SM3 of the file): exactly these materials, in whatever order they came."""
    return gm.sm3(canonical_json(sorted(materials)).encode()).hex()


def identity_digest(identity: Mapping[str, Any]) -> str:
    """SM3 (hex) over who and what an approval was given for (see ``identity_of``)."""
    return identity_digests([identity])[0]


def identity_digests(identities: Sequence[Mapping[str, Any]]) -> list[str]:
    """``identity_digest`` of many."""
    return [digest.hex() for digest in gm.sm3_many([canonical_json(one).encode() for one in identities])]


IDENTITY_FIELDS = (
    "number", "business", "system", "kind", "subject_name", "person_id", "organization_id", "device_id", "pair_id",
    "reason", "region_code",
)  # fmt: skip


def identity_of(request: Any) -> dict[str, Any]:
    """The identity fields of a request: changing one voids approval and proofreading."""
    return {name: getattr(request, name) for name in IDENTITY_FIELDS}


def missing_materials(business: str, kind: str, channel: str, present: Iterable[str]) -> list[RequiredMaterial]:
    """Everything that is missing, so that it can be told all at once (一次性告知)."""
    have = set(present)
    return [entry for entry in required_materials(business, kind, channel) if entry.code not in have]


def first_open_step(
    process: Process, *, is_prechecked: bool, is_approved: bool, is_entered: bool, is_proofread: bool
) -> Verb:
    """The first step that is still to be done when decisions may have become void."""
    done = {
        Verb.PRECHECK: is_prechecked,
        Verb.APPROVE: is_approved,
        Verb.ENTER: is_entered,
        Verb.PROOFREAD: is_proofread,
    }
    for step in process.steps:
        if not done.get(step.verb, False):
            return step.verb
    raise ValueError("a process has a step beyond its decisions")


Person = tuple[int | None, int | None]


def conflicting_step(actor: Person, others: Mapping[str, Person]) -> str | None:
    """The step of another kind that the same person did: same account, or the same credential under two accounts.

    ``others`` maps a step's name to (account, credential). Nobody is nobody's double: None never equals.
    """
    account, credential = actor
    for step, (other_account, other_credential) in others.items():
        if account is not None and account == other_account:
            return step
        if credential is not None and credential == other_credential:
            return step
    return None
