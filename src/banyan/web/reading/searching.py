"""The one search box. What was typed may be an ID number, so it never stands in an address in clear.

An address carries it sealed, bound to the session that typed it: the page can be gone back to and reloaded, and the
address tells nothing to logs, to the browser's history or to anybody else.
"""

import base64
import binascii
from dataclasses import dataclass, field
from datetime import datetime

from django.conf import settings
from django.urls import reverse

from banyan import sealing
from banyan.domain.inventory import access as inventory
from banyan.domain.inventory.errors import InventoryError
from banyan.domain.inventory.models import Token
from banyan.domain.parties import access as parties
from banyan.domain.parties.errors import PartiesError
from banyan.domain.ra import access as ra
from banyan.kernel.actor import Actor
from banyan.sealing.errors import SealingError
from banyan.web.reading.certificates import PairRow, row_of
from banyan.web.reading.files import FileRow, rows_of
from banyan.web.reading.requests import RequestRow, row_of_request

LONGEST = 64
MOST = 50
MOST_FILES = 10


@dataclass(frozen=True)
class Hits:
    """What was found, in groups; each group ends at ``MOST``."""

    requests: list[RequestRow] = field(default_factory=list)
    pairs: list[PairRow] = field(default_factory=list)
    tokens: list[Token] = field(default_factory=list)
    files: list[FileRow] = field(default_factory=list)

    @property
    def count(self) -> int:
        return len(self.requests) + len(self.pairs) + len(self.tokens) + len(self.files)

    @property
    def is_cut(self) -> bool:
        return max(len(self.requests), len(self.pairs)) >= MOST

    def only_page(self) -> str:
        """The address of the one thing found; empty when there are several, or none."""
        places = {reverse("certificate", args=[row.pair.pk]) for row in self.pairs}
        others = [row.request for row in self.requests]
        if len(places) == 1 and len(others) <= 1 and all(self._is_of_the_pair(one.issued_pair_id) for one in others):
            return places.pop()  # a certificate and the request that made it are one thing to who searches
        if not places and len(others) == 1:
            return reverse("request", args=[others[0].pk])
        if not places and not others and len(self.files) == 1 and not self.tokens:
            return self.files[0].url
        return ""

    def _is_of_the_pair(self, pair_id: int | None) -> bool:
        return pair_id is not None and pair_id == self.pairs[0].pair.pk


def search(actor: Actor, text: str, now: datetime) -> Hits:
    """Everything that fits. Raises ra.SearchTooShort, RightMissing."""
    on_record = parties.Holders(actor, text, limit=MOST)
    found = ra.search(actor, text, limit=MOST, holders=on_record)
    return Hits(
        requests=[row_of_request(request, now) for request in found.requests],
        pairs=[row_of(pair, now) for pair in found.pairs],
        tokens=_tokens(actor, text),
        files=_files(on_record),
    )


def is_number_of_request(hits: Hits, text: str) -> bool:
    """Whether exactly a request's number was typed: then its page is wanted, not that of its certificate."""
    typed = "".join(text.split()).upper()
    return len(hits.requests) == 1 and hits.requests[0].request.number == typed


def seal(actor: Actor, text: str) -> str:
    """What was typed, for an address."""
    sealed = sealing.keyring(settings.HOME).fields.seal(text, _context(actor))
    return base64.urlsafe_b64encode(sealed).decode().rstrip("=")


def unseal(actor: Actor, sealed: str) -> str:
    """What was typed in this session; empty for an address from elsewhere."""
    try:
        data = base64.b64decode(sealed + "=" * (-len(sealed) % 4), altchars=b"-_", validate=True)
        return sealing.keyring(settings.HOME).fields.open(data, _context(actor))
    except (SealingError, binascii.Error, ValueError):
        return ""


def _context(actor: Actor) -> tuple[str, int, int]:
    return "web.search", actor.id, actor.session_id or 0


def _files(on_record: parties.Holders) -> list[FileRow]:
    """People, organizations and equipment by that name or number, each group at most ``MOST_FILES``."""
    found: list[FileRow] = []
    for kind in ("people", "organizations", "devices"):
        try:
            found += rows_of(list(getattr(on_record, kind)[:MOST_FILES]))
        except PartiesError:
            continue
    return found


def _tokens(actor: Actor, text: str) -> list[Token]:
    try:
        token = inventory.token_by_serial(actor, text)
    except InventoryError:
        return []
    return list(inventory.tokens(actor).filter(pk=token.pk).select_related("medium"))
