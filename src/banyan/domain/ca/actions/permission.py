"""Who may do what here: people by their rights, parts of the product by their nature."""

from banyan.domain.iam import rights
from banyan.kernel.actor import Actor


def require(actor: Actor, right: str) -> None:
    """A person needs ``right``; a part of the product carries on what people with rights have begun.

    Raises iam.RightMissing.
    """
    if actor.kind != "system":
        rights.require(actor, right)
