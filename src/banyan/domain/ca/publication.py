"""The public directory on disk: CA certificates and CRLs as files, written whole or not at all. All DER.

Called by the outbox after the transaction; repeating a delivery writes the same bytes again. Holders' certificates are
not written here: the database holds them for the directories that will serve them, and a message about them is done.

Layout below ``home.public``: ``ca/<code>.cer``, ``crl/<code>.crl`` (the current one), ``crl/<code>/<number>.crl``.
"""

import os
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from django.conf import settings

from banyan.domain.ca import rules
from banyan.domain.ca.models import CertificateAuthority, CrlIssue
from banyan.domain.outbox.errors import DeliveryRefused
from banyan.domain.outbox.models import OutboxMessage
from banyan.kernel.home import Home
from banyan.pki.crl_view import parse_crl

TARGET: Final = "directory"


def deliver(message: OutboxMessage, payload: Mapping[str, Any]) -> None:
    """The outbox deliverer of the target ``directory``. Raises DeliveryRefused for a topic it does not know."""
    if message.topic == "directory.crl":
        _crl(settings.HOME, payload)
    elif message.topic != "directory.publish":
        raise DeliveryRefused(reason=message.topic)


def publish_authorities(home: Home) -> None:
    """Write every CA's certificate (AIA caIssuers)."""
    for authority in CertificateAuthority.objects.all():
        write(home.public / "ca" / f"{authority.code}.cer", bytes(authority.certificate))


def highest_published(home: Home, ca: str) -> int:
    """The highest CRL number found among the published files of a CA; 0 for none."""
    folder = home.public / "crl" / ca
    if not folder.is_dir():
        return 0
    return max((rules.crl_number_of_file(entry.name) for entry in folder.iterdir()), default=0)


def write(place: Path, data: bytes) -> None:
    """Write a file so that a reader sees the old or the new one, never a part."""
    place.parent.mkdir(parents=True, exist_ok=True, mode=0o755)
    beside = place.with_name(f".{place.name}.{secrets.token_hex(4)}")
    handle = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644)
    with os.fdopen(handle, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    beside.replace(place)


def _crl(home: Home, payload: Mapping[str, Any]) -> None:
    issue = CrlIssue.objects.select_related("ca").get(pk=payload["crl"])
    der = bytes(issue.der)
    if not der:
        return  # a newer one took its place before this message was delivered
    code = issue.ca.code
    write(home.public / "crl" / code / f"{issue.number}.crl", der)
    current = home.public / "crl" / f"{code}.crl"
    if current.exists() and not _is_newer(der, current.read_bytes()):
        return
    write(current, der)


def _is_newer(new: bytes, old: bytes) -> bool:
    """Never an older CRL over a newer one, whatever order messages come in."""
    ours, theirs = parse_crl(new), parse_crl(old)
    return (ours.number or 0, ours.this_update) >= (theirs.number or 0, theirs.this_update)
