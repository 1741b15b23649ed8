"""The key ceremony: root keys made offline and shared among custodians, issuing CAs made from them, and
their successors.

Besides the key-holding processes this package alone may touch private-key code. What it returns is to be
registered by ``domain.ca.actions.register_authority``; nothing here writes the domain's database.
"""

from banyan.cli.ceremony.errors import CeremonyError, SharesRefused, UnattendedRefused
from banyan.cli.ceremony.holding import hold_ceremony, sample_ceremony, succeed
from banyan.cli.ceremony.making import CeremonyResult, MadeAuthority
from banyan.cli.ceremony.plan import AuthorityPlan, Plan, read_plan, sample_plan

__all__ = [
    "AuthorityPlan",
    "CeremonyError",
    "CeremonyResult",
    "MadeAuthority",
    "Plan",
    "SharesRefused",
    "UnattendedRefused",
    "hold_ceremony",
    "read_plan",
    "sample_ceremony",
    "sample_plan",
    "succeed",
]
