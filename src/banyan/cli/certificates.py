"""What stands behind ``banyan cert``: finding pairs, showing and exporting them, changing their status."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import click

from banyan.cli import shown, views
from banyan.cli.messages import translate
from banyan.cli.opening import find_pair
from banyan.cli.processes import key_holders
from banyan.domain.ca import access
from banyan.domain.ca import rules as ca_rules
from banyan.domain.ca.models import Certificate, CertificateAuthority, CertificatePair
from banyan.domain.iam import rights
from banyan.domain.ra import access as requests
from banyan.jobs import rounds
from banyan.kernel import clock
from banyan.kernel.actor import Actor, system_actor
from banyan.kernel.errors import N_, BanyanError
from banyan.kernel.home import Home
from banyan.pki.certificate import certificate_to_pem


def list_all(actor: Actor, filters: Mapping[str, Any], limit: int, as_json: bool) -> None:
    """Pairs in sight, newest first."""
    _show(actor, access.pair_page(actor, limit=limit, **filters), as_json)


def search_all(actor: Actor, text: str | None, limit: int, as_json: bool) -> None:
    """Pairs that one box finds."""
    wanted = text or click.prompt(translate(N_("查找")), hide_input=True, type=str, err=True)
    _show(actor, requests.search(actor, wanted, limit=limit).pairs, as_json)


def _show(actor: Actor, pairs: Sequence[CertificatePair], as_json: bool) -> None:
    serials = signing_serials(actor, pairs)
    rows = [views.pair_view(pair, serials.get(pair.pk, "")) for pair in pairs]
    shown.show_rows(rows, views.PAIR_COLUMNS, as_json=as_json)


def signing_serials(actor: Actor, pairs: Iterable[CertificatePair]) -> dict[int, str]:
    """The serial numbers of the signing certificates of pairs, as far as they are in sight."""
    found = access.pairs(actor).filter(pk__in=[pair.pk for pair in pairs])
    rows = found.values_list("pk", "certificates__use", "certificates__serial")
    return {pk: serial for pk, use, serial in rows if serial and use != Certificate.Use.ENCRYPTION}


def show_life(actor: Actor, text: str, as_json: bool) -> None:
    """One pair and everything about it."""
    view = views.life_view(access.life(actor, find_pair(actor, text).pk))
    shown.show_card(view, as_json=as_json)
    if as_json:
        return
    shown.heading(N_("证书"))
    shown.show_rows(
        view["certificates"], ("serial", "use_name", "state_name", "not_after", "reason_name"), as_json=False
    )
    if view["changes"]:
        shown.heading(N_("状态变化"))
        columns = ("at", "action_name", "actor", "reason_name", "state_name")
        shown.show_rows(view["changes"], columns, as_json=False)


def export_all(actor: Actor, serials: Sequence[str], out: Path, form: str, chain: bool, as_json: bool) -> None:
    """Write the certificates of pairs to files named by their serial numbers."""
    rights.require(actor, "certificates.export")
    out.mkdir(parents=True, exist_ok=True)
    rows: list[dict[str, str]] = []
    authorities: set[int] = set()
    for text in serials:
        pair = find_pair(actor, text)
        authorities.add(pair.ca_id)
        for one in access.certificates_of(actor, pair.pk):
            place = out / f"{one.serial}.{'pem' if form == 'pem' else 'cer'}"
            der = bytes(one.der)
            place.write_bytes(certificate_to_pem(der).encode() if form == "pem" else der)
            rows.append(
                {"serial": one.serial, "use": one.use, "use_name": str(one.get_use_display()), "file": str(place)}
            )
    if chain:
        place = out / "chain.pem"
        place.write_text("".join(certificate_to_pem(bytes(one.certificate)) for one in _above(authorities)))
        rows.append({"use": "CHAIN", "use_name": translate(N_("证书链")), "file": str(place)})
    shown.show_rows(rows, ("serial", "use_name", "file"), as_json=as_json)


def _above(authority_ids: Iterable[int]) -> list[CertificateAuthority]:
    """CAs and those above them, each once, lowest first."""
    known = {one.pk: one for one in access.authorities()}
    found: dict[int, CertificateAuthority] = {}
    for pk in authority_ids:
        at: int | None = pk
        while at is not None and at not in found:
            found[at] = known[at]
            at = known[at].parent_id
    return list(found.values())


def change_all(
    home: Home, actor: Actor, serials: Sequence[str], change: Callable[[int], None], makes_crl: bool, as_json: bool
) -> None:
    """Change the status of pairs one by one, tell each, and have the CRLs made when asked."""
    pairs = [find_pair(actor, text) for text in serials]
    refused = False
    for text, pair in zip(serials, pairs, strict=True):
        try:
            change(pair.pk)
        except BanyanError as error:
            if len(pairs) == 1:
                raise
            refused = True
            shown.echo_error(text, error)
    _show(actor, [access.pair(actor, pair.pk) for pair in pairs], as_json)
    if makes_crl:
        _make_crls(home, {pair.ca_id for pair in pairs})
    if refused:
        raise click.exceptions.Exit(1)


def _make_crls(home: Home, authority_ids: set[int]) -> None:
    """The consequence of a change of status, done by the product as its regular round would do it later."""
    codes = [one for one in access.authorities() if one.pk in authority_ids]
    if any(one.connector == ca_rules.EMBEDDED for one in codes):
        with key_holders(home):
            _publish(home, codes)
    else:
        _publish(home, codes)


def _publish(home: Home, authorities: Sequence[CertificateAuthority]) -> None:
    now = clock.now()
    for one in authorities:
        if one.connector:
            issue = rounds.make_crl(home, one.code, system_actor("jobs"), now)
            shown.say(
                N_("{ca} 的吊销列表 {number} 号已签发，共 {count} 条。"),
                ca=one.code,
                number=issue.number,
                count=issue.entries,
            )
    rounds.deliver(home, now, rounds.RoundOutcome())
