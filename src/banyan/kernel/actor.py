"""Who acts: the value every action takes first."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Actor:
    """A person in a session, or a part of the system.

    ``rights`` are the names a role table grants; ``regions`` are the GB/T 2260 codes at the root of what the actor may
    see, or None for the whole province. ``session_id`` and ``credential_id`` tell two people apart from one person
    with two accounts when dual control is asked for.
    """

    kind: str
    id: int
    name: str
    session_id: int | None = None
    credential_id: int | None = None
    rights: frozenset[str] = frozenset()
    regions: frozenset[str] | None = frozenset()
    # The remote issuing point (远程签发点) at which the person works; None for the centre.
    point_id: int | None = None
    # Why the person may do nothing yet: the code of an error of ``iam``; empty for everybody else.
    held_back: str = ""

    @property
    def is_staff(self) -> bool:
        return self.kind == "staff"


def system_actor(name: str) -> Actor:
    """A part of the product acting for nobody in particular (a job, a connector), seeing the whole province."""
    return Actor(kind="system", id=0, name=name, regions=None)
