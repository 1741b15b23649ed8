"""``banyan demo``: the main job headlessly, leaving everything for outside tools to judge."""

import json
import os
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from banyan.cli.messages import told
from banyan.kernel import clock
from banyan.kernel.errors import N_
from banyan.kernel.home import Home

if TYPE_CHECKING:
    from banyan.cli.application_file import Application

EMBEDDED = "embedded"


@click.command()
@click.option(
    "--sheet",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Your own sheet instead of the sample's.",
)
@click.option(
    "--rows", type=click.IntRange(1, 1000), default=10, show_default=True, help="Good rows of the sample sheet."
)
@click.option("--connector", default=EMBEDDED, show_default=True, help="embedded or simulated-superior.")
@click.option(
    "--pin-letters",
    type=click.Path(file_okay=False, path_type=Path),
    help="Write each initial PIN into a file here (0600); otherwise nobody keeps them.",
)
@click.option("--json", "as_json", is_flag=True, help="One JSON object at the end.")
def demo(sheet: Path | None, rows: int, connector: str, pin_letters: Path | None, as_json: bool) -> None:
    """Make a sample installation and carry a sheet of applications to certificate pairs in soft tokens.

    Works in BANYAN_HOME, which must be empty; without it in a throw-away directory that is kept for you to look at.
    """
    if "BANYAN_HOME" not in os.environ:
        os.environ["BANYAN_HOME"] = str(Path(tempfile.mkdtemp(prefix="banyan-demo-")) / "home")
    report = run_demo(Home.from_environment(), sheet, rows, connector, pin_letters, quiet=as_json)
    if as_json:
        click.echo(json.dumps(report, ensure_ascii=False))
        return
    for name, value in report.items():
        click.echo(f"{name:18} {value}")


def run_demo(
    home: Home, sheet: Path | None, rows: int, connector: str, pin_letters: Path | None, *, quiet: bool
) -> dict[str, Any]:
    """Make the installation, do the main job, and say where everything lies."""
    from banyan.cli.sample_work import default_sheet, make_sample
    from banyan.cli.superior import SUPERIOR_CODES

    def say(text: str) -> None:
        click.echo(text, err=quiet)

    make_sample(home, leave_out=() if connector == EMBEDDED else SUPERIOR_CODES)
    say(told(N_("样例安装已建好：{place}"), place=home.path))
    with nullcontext(sheet) if sheet else default_sheet(rows) as chosen:
        return main_job_report(home, chosen, say=say, connector=connector, pin_letters=pin_letters, with_equipment=True)


def main_job_report(
    home: Home,
    sheet: Path,
    *,
    say: Any,
    connector: str = EMBEDDED,
    pin_letters: Path | None = None,
    beside: "Sequence[Application]" = (),
    with_equipment: bool = False,
) -> dict[str, Any]:
    """Carry a sheet, and applications beside it, to certificates in tokens; report as ``banyan demo`` does.

    Starts the processes it needs. One pair is revoked, so that the CRL has an entry.
    """
    from banyan.cli import equipment, main_job, opening
    from banyan.cli.processes import key_holders
    from banyan.cli.sample_work import sample_links
    from banyan.jobs import rounds

    with ExitStack() as stack:
        stack.enter_context(key_holders(home))
        if connector != EMBEDDED:
            from banyan.cli.superior import simulated_superior

            stack.enter_context(simulated_superior(home, connector))
        people = main_job.log_people_in({link.username: link.secret for link in sample_links()})

        def advance() -> None:
            rounds.carry_on_all(home, clock.now(), rounds.RoundOutcome())

        result = main_job.carry_sheet(home, people, sheet, advance, say)
        if main_job.revoke_one(people.clerk, result.requests, advance):
            say(told(N_("注销 1 对（停止使用）")))
        if beside:
            ids = [opening.open_request(people.clerk, one, clock.now()).pk for one in beside]
            main_job.carry(home, people, ids, advance, say, result)
            result.requests += ids
        of_equipment = equipment.certify(people, advance) if with_equipment else ()
        rounds.work(home, clock.now())
    if pin_letters is not None:
        _write_letters(pin_letters, result.tokens)
    if of_equipment:
        _, place = _gather(home, "demo-p256", of_equipment)
        say(told(N_("另签发 P-256 设备证书 1 张，属另一根，与其证书链放在 {place}"), place=place))
    return _report(home, result)


def _write_letters(place: Path, tokens: Any) -> None:
    place.mkdir(parents=True, exist_ok=True, mode=0o700)
    for token in tokens:
        handle = os.open(place / f"{token.serial}.txt", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(handle, "w") as file:
            file.write(token.user_pin + "\n")


def _certificates(request_ids: Any) -> list[Any]:
    from banyan.domain.ca import access as ca
    from banyan.domain.ra import access as ra
    from banyan.kernel.actor import system_actor

    actor = system_actor("demo")
    pairs = ra.requests(actor).filter(pk__in=list(request_ids)).values_list("issued_pair_id", flat=True)
    return [certificate for pair in pairs if pair is not None for certificate in ca.certificates_of(actor, pair)]


def _report(home: Home, result: Any) -> dict[str, Any]:
    """Where everything lies."""
    from banyan.cli.soft_tokens import Place
    from banyan.domain.ca import access

    certificates, place = _gather(home, "demo", result.requests)
    codes = {one.pk: one.code for one in access.authorities()}
    crl = home.public / "crl" / f"{codes[certificates[0].ca_id]}.crl"
    return {
        "home": str(home.path),
        "root_certificate": str(place / "root.pem"),
        "chain": str(place / "chain.pem"),
        "certificates_dir": str(place / "certificates"),
        "crl": str(crl),
        "token_dir": str(Place.of(home).tokens),
        "pairs": len({one.pair_id for one in certificates}),
        "failed_rows": result.sheet.failed,
    }


def _gather(home: Home, folder: str, request_ids: Sequence[int]) -> tuple[list[Any], Path]:
    """Put what was issued for requests below one root in one place, PEM, as outside tools want it."""
    from banyan.domain.ca import access
    from banyan.domain.ca.publication import write
    from banyan.pki.armor import wrap

    authorities = access.authorities()
    certificates = _certificates(request_ids)
    used = {one.ca_id for one in certificates}
    root_id = next(one.parent_id for one in authorities if one.pk in used)
    root = next(one for one in authorities if one.pk == root_id)
    # each certificate once: several codes may stand for one superior CA
    chain = {bytes(one.certificate): one for one in authorities if one.parent_id == root_id}.values()
    place = home.public / folder
    write(place / "root.pem", wrap("CERTIFICATE", bytes(root.certificate)).encode())
    text = "".join(wrap("CERTIFICATE", bytes(one.certificate)) for one in chain)
    write(place / "chain.pem", text.encode())
    for one in certificates:
        write(place / "certificates" / f"{one.serial}.pem", wrap("CERTIFICATE", bytes(one.der)).encode())
    return certificates, place
