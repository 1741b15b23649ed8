"""``banyan cert``: certificates in pairs: list, search, show, export, verify, check, import, hold, release, revoke."""

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from banyan.cli.shown import json_option
from banyan.kernel import clock

if TYPE_CHECKING:
    from banyan.kernel.actor import Actor
    from banyan.kernel.home import Home

_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
_DIRECTORY = click.Path(exists=True, file_okay=False, path_type=Path)
_SERIALS = click.argument("serials", nargs=-1, required=True)
_REASONS = ("unspecified", "keyCompromise", "affiliationChanged", "superseded", "cessationOfOperation")
_CRL = click.option("--crl", "makes_crl", is_flag=True, help="Have the CRL made and published at once.")


@click.group()
def cert() -> None:
    """Certificates: list, search, show, export, verify, check, import, hold, release, revoke.

    A pair is named by the serial number of one of its certificates, or by its own number.
    """


def _start() -> "tuple[Home, Actor]":
    from banyan.cli.context import django_setup
    from banyan.cli.session import current_actor

    home = django_setup()
    return home, current_actor(home, clock.now())


@cert.command("list")
@click.option("--state", type=click.Choice(("VALID", "HELD", "REVOKED")), help="Only in this state.")
@click.option("--system", default="", help="Only this issuing system (code).")
@click.option("--kind", type=click.Choice(("PERSONAL", "ORGANIZATION", "DEVICE", "SEAL")), help="Only this kind.")
@click.option("--expires-before", type=click.DateTime(["%Y-%m-%d"]), help="Only those that expire before this day.")
@click.option("--limit", type=click.IntRange(1, 10_000), default=50, show_default=True)
@json_option
def list_pairs(
    state: str | None, system: str, kind: str | None, expires_before: datetime | None, limit: int, as_json: bool
) -> None:
    """Pairs, newest first (right certificates.read)."""
    _, actor = _start()
    from banyan.cli.certificates import list_all

    until = expires_before.astimezone() if expires_before else None
    list_all(
        actor, {"state": state or "", "system": system, "kind": kind or "", "expires_before": until}, limit, as_json
    )


@cert.command()
@click.argument("text", required=False)
@click.option("--limit", type=click.IntRange(1, 1000), default=50, show_default=True)
@json_option
def search(text: str | None, limit: int, as_json: bool) -> None:
    """Search by name or part of it, pinyin, credit code, serial, token or request number.

    ID and telephone numbers are not to stand on the command line: leave TEXT out and type it when asked.
    """
    _, actor = _start()
    from banyan.cli.certificates import search_all

    search_all(actor, text, limit, as_json)


@cert.command()
@click.argument("serial")
@json_option
def show(serial: str, as_json: bool) -> None:
    """A pair's life: certificates, token, what it followed and what followed it, changes of status."""
    _, actor = _start()
    from banyan.cli.certificates import show_life

    show_life(actor, serial, as_json)


@cert.command()
@_SERIALS
@click.option("--out", type=click.Path(file_okay=False, path_type=Path), required=True, help="Directory to write into.")
@click.option("--format", "form", type=click.Choice(("pem", "der")), default="pem", show_default=True)
@click.option("--chain", is_flag=True, help="The CA certificates too, as chain.pem.")
@json_option
def export(serials: tuple[str, ...], out: Path, form: str, chain: bool, as_json: bool) -> None:
    """Write certificates to files (right certificates.export)."""
    _, actor = _start()
    from banyan.cli.certificates import export_all

    export_all(actor, serials, out, form, chain, as_json)


@cert.command()
@click.argument("targets", nargs=-1, required=True, metavar="SERIAL|FILE...")
@click.option("--at", type=click.DateTime(), help="Judge at this moment (default: now).")
@click.option("--trust", type=_FILE, multiple=True, help="Trust anchor (default: the recorded and the national roots).")
@click.option(
    "--ca", "intermediates", type=_FILE, multiple=True, help="Further CA certificate to build the chain from."
)
@click.option("--crl", "crls", type=_FILE, multiple=True, help="Further CRL.")
@click.option("--require-status", is_flag=True, help="A status that no CRL tells is an error.")
@json_option
def verify(
    targets: tuple[str, ...],
    at: datetime | None,
    trust: tuple[Path, ...],
    intermediates: tuple[Path, ...],
    crls: tuple[Path, ...],
    require_status: bool,
    as_json: bool,
) -> None:
    """Validate the chain and the status of recorded certificates or of files. Exit code 3 when one does not hold.

    A PEM file may hold the CA certificates too, behind the one that is judged: they help to build the chain, none is
    trusted for that.
    """
    _, actor = _start()
    from banyan.cli.cert_checking import Trust, verify_all

    given = Trust(trust, intermediates, crls, require_status)
    verify_all(actor, targets, at.astimezone() if at else clock.now(), given, as_json)


@cert.command()
@click.argument("serials", nargs=-1)
@click.option("--all", "everything", is_flag=True, help="Every certificate (default: one in a hundred).")
@json_option
def check(serials: tuple[str, ...], everything: bool, as_json: bool) -> None:
    """Read stored certificates again, by other code than wrote them, and judge every rule. Exit code 3 on an error."""
    _, actor = _start()
    from banyan.cli.cert_checking import check_all

    check_all(actor, serials, everything, as_json)


@cert.command("import")
@click.argument("directory", type=_DIRECTORY)
@click.argument("sheet", type=_FILE)
@click.option("--ca", required=True, help="Code of the registered CA that issued them: `banyan ca register`.")
@click.option("--crl", type=_FILE, help="That CA's current CRL (default: the one recorded last).")
@click.option(
    "--anchor", type=_FILE, multiple=True, help="Root its chain must reach (default: recorded and national roots)."
)
@click.option(
    "--result", type=click.Path(dir_okay=False, path_type=Path), help="Write the outcome of each row here (CSV)."
)
@json_option
def import_certificates(
    directory: Path,
    sheet: Path,
    ca: str,
    crl: Path | None,
    anchor: tuple[Path, ...],
    result: Path | None,
    as_json: bool,
) -> None:
    """Take over certificates of another CA: PEM or DER files in DIRECTORY, their holders in SHEET.

    Columns: 序列号 (加密证书序列号) 签发系统 证书种类 姓名 证件类型 证件号码 手机 单位 信用代码 设备 区划 介质编号.
    Good rows go on; each error names row, column and cure. Exit code 3 when some rows were not taken.
    """
    _, actor = _start()
    from banyan.cli.cert_import import import_all

    import_all(actor, directory, sheet, ca, crl, anchor, result, as_json)


@cert.command()
@_SERIALS
@_CRL
@json_option
def hold(serials: tuple[str, ...], makes_crl: bool, as_json: bool) -> None:
    """Hold valid pairs (冻结); the CRL lists them as certificateHold (right certificates.hold)."""
    _change(serials, makes_crl, as_json, lambda ca, who, pk, at: ca.hold_pair(who, pk, at))


@cert.command()
@_SERIALS
@_CRL
@json_option
def release(serials: tuple[str, ...], makes_crl: bool, as_json: bool) -> None:
    """Release held pairs (解除冻结); they leave the CRL (right certificates.hold)."""
    _change(serials, makes_crl, as_json, lambda ca, who, pk, at: ca.release_pair(who, pk, at))


@cert.command()
@_SERIALS
@click.option("--reason", type=click.Choice(_REASONS), required=True, help="As the CRL will state it (RFC 5280).")
@click.option("--yes", is_flag=True, help="Do not ask: a revocation cannot be undone.")
@_CRL
@json_option
def revoke(serials: tuple[str, ...], reason: str, yes: bool, makes_crl: bool, as_json: bool) -> None:
    """Revoke pairs at once, without a request (right certificates.revoke): for emergencies."""
    if not yes:
        click.confirm(f"{' '.join(serials)}: {reason}?", abort=True, err=True)
    _change(serials, makes_crl, as_json, lambda ca, who, pk, at: ca.revoke_pair(who, pk, reason, at))


def _change(serials: tuple[str, ...], makes_crl: bool, as_json: bool, work: Any) -> None:
    home, actor = _start()
    from banyan.cli.certificates import change_all
    from banyan.domain.ca import actions as ca

    def change(pair_id: int) -> None:
        work(ca, actor, pair_id, clock.now())

    change_all(home, actor, serials, change, makes_crl, as_json)
