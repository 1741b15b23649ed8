"""What is taken in: business, issuing system, kind; only what the systems, the processes and the issuing point allow."""

from collections.abc import Mapping
from dataclasses import dataclass

from django.utils.translation import gettext as _

from banyan.domain.lifecycle.businesses import businesses
from banyan.domain.ra.errors import ProcessUnknown
from banyan.domain.ra.models import Business, Channel
from banyan.domain.ra.processes import process_for
from banyan.domain.systems import access as systems
from banyan.domain.systems.policy import KindPolicy, SystemPolicy
from banyan.kernel.actor import Actor
from banyan.web import words

_ICONS = {
    "enroll": "file-plus", "modify": "pencil", "reissue": "refresh", "unlock": "lock", "revoke": "ban",
    "renew": "calendar", "PERSONAL": "user", "ORGANIZATION": "building", "DEVICE": "server", "SEAL": "rosette",
}  # fmt: skip
_PLACES = ("business", "system", "kind")


@dataclass(frozen=True)
class Card:
    """One alternative. ``key`` is the digit that chooses it, in the group that is to be chosen now."""

    code: str
    name: str
    icon: str
    query: str
    is_chosen: bool
    key: str


@dataclass(frozen=True)
class Group:
    """Alternatives of which one is chosen."""

    name: str
    title: str
    cards: list[Card]


@dataclass(frozen=True)
class Choice:
    """What is chosen so far; whatever was chosen wrongly counts as not chosen."""

    business: str
    system: str
    kind: str
    acts_on_pair: bool
    policy: SystemPolicy | None
    groups: list[Group]

    @property
    def is_complete(self) -> bool:
        """Whether the form can be shown."""
        return bool(self.business) and (self.acts_on_pair or bool(self.kind))

    @property
    def kind_policy(self) -> KindPolicy | None:
        """How the chosen system issues the chosen kind."""
        return self.policy.kind(self.kind) if self.policy is not None and self.kind else None

    @property
    def reasons(self) -> list[tuple[str, str]]:
        """Why somebody asks for it, where that is asked."""
        return [(one.code, _(one.name)) for one in businesses()[self.business].reasons] if self.business else []


def choice(actor: Actor, said: Mapping[str, str]) -> Choice:
    """The alternatives, and what is chosen of them by an address or a form."""
    offered = {policy.code: policy for policy in systems.offered(actor)}
    business = said.get("business", "") if said.get("business", "") in _at_the_counter() else ""
    acts_on_pair = bool(business) and businesses()[business].acts_on_pair
    policy = offered.get(said.get("system", "")) if business and not acts_on_pair else None
    kinds = [entry.kind.value for entry in policy.kinds] if policy else []
    kind = said.get("kind", "") if said.get("kind", "") in kinds else ""
    chosen = {"business": business, "system": policy.code if policy else "", "kind": kind}
    groups = [_group("business", _("业务"), [(code, str(Business(code).label)) for code in _at_the_counter()], chosen)]
    if business and not acts_on_pair:
        groups.append(_group("system", _("签发系统"), [(code, words.system(code)) for code in offered], chosen))
    if policy is not None:
        groups.append(
            _group("kind", _("证书种类"), [(one.kind.value, _(one.kind.label)) for one in policy.kinds], chosen)
        )
    return Choice(business, chosen["system"], kind, acts_on_pair, policy, groups)


def _at_the_counter() -> list[str]:
    found = []
    for business in Business.values:
        try:
            process_for(business, Channel.COUNTER)
        except ProcessUnknown:
            continue
        found.append(business)
    return found


def _group(name: str, title: str, entries: list[tuple[str, str]], chosen: Mapping[str, str]) -> Group:
    before = _PLACES[: _PLACES.index(name)]
    is_now = not chosen[name]
    cards = []
    for number, (code, word) in enumerate(entries, 1):
        query = "&".join([*(f"{one}={chosen[one]}" for one in before), f"{name}={code}"])
        key = str(number) if is_now else ""
        cards.append(Card(code, str(word), _ICONS.get(code, "certificate"), f"?{query}", chosen[name] == code, key))
    return Group(name, title, cards)
