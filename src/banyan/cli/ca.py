"""``banyan ca``: certificate authorities: ceremony, rollover, CRLs, state, and the journal after a restore."""

import json
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from banyan.cli.context import django_setup
from banyan.cli.foreign_ca import register
from banyan.cli.passphrase import passphrase_from
from banyan.cli.shown import announce
from banyan.kernel import clock
from banyan.kernel.actor import Actor
from banyan.kernel.errors import N_
from banyan.kernel.home import Home
from banyan.kernel.rpc import Client

if TYPE_CHECKING:
    from banyan.cli.ceremony import CeremonyResult

_PAGE = 1000
_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
_DIRECTORY = click.Path(file_okay=False, path_type=Path)
_PASSPHRASE = click.option(
    "--passphrase-file", type=_FILE, help="File with the operator's passphrase (default: ask when needed)."
)
_JSON = click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")


@click.group()
def ca() -> None:
    """Certificate authorities: ceremony, rollover, CRL, state."""


ca.add_command(register)


@ca.command("list")
@_JSON
def list_authorities(as_json: bool) -> None:
    """List the registered CAs (right ca.read)."""
    _, actor = _logged_in("ca.read")
    from banyan.domain.ca import access

    for row in access.authorities():
        view = {
            "code": row.code,
            "name": row.name,
            "algorithm": row.algorithm,
            "kind": row.kind,
            "origin": row.origin,
            "connector": row.connector,
            "parent": row.parent.code if row.parent else "",
            "not_after": row.not_after.isoformat(),
            "is_active": row.is_active,
        }
        _show(view, as_json, f"{row.code:22} {row.algorithm:5} {row.not_after:%Y-%m-%d} {row.name}")
    del actor


@ca.command()
@click.option("--plan", "plan_file", type=_FILE, required=True, help="TOML: organization, province, name_prefix.")
@click.option("--custodian", "custodians", multiple=True, required=True, help="Name of a custodian (three to sixteen).")
@click.option("--threshold", type=int, required=True, help="How many custodians together open the root keys.")
@click.option("--offline", type=_DIRECTORY, required=True, help="Directory on the medium that is taken away.")
@click.option("--record", type=_DIRECTORY, required=True, help="Directory for certificates and the protocol.")
@click.option("--host", "hosts", multiple=True, help="Name of who leads the ceremony (主持人).")
@click.option("--witness", "witnesses", multiple=True, help="Name of a witness (见证人).")
@click.option("--share-files", type=_DIRECTORY, help="Write each share to a file here instead of showing it.")
@click.option("--address", help="Address certificates name for CRL and OCSP (default: the installation's).")
@_PASSPHRASE
def ceremony(
    plan_file: Path,
    custodians: tuple[str, ...],
    threshold: int,
    offline: Path,
    record: Path,
    hosts: tuple[str, ...],
    witnesses: tuple[str, ...],
    share_files: Path | None,
    address: str | None,
    passphrase_file: Path | None,
) -> None:
    """Hold the key ceremony: offline roots, shared among custodians, and the issuing CAs below them.

    On a finished installation it needs a logged-in person (right ca.manage) and registers the CAs; before,
    `banyan init --production --ceremony` registers what --record holds.
    """
    from banyan.cli.ceremony import hold_ceremony, read_plan
    from banyan.cli.ceremony.shares import hand_out_on_terminal, hand_out_to_files
    from banyan.config.settings import load

    home = Home.from_environment()
    actor = _logged_in("ca.manage")[1] if home.settings_file.exists() else None
    now = clock.now()
    people = {"主持人": hosts, "见证人": witnesses}
    result = hold_ceremony(
        home,
        read_plan(plan_file, address or load().url),
        custodians=custodians,
        threshold=threshold,
        offline=offline,
        hand_out=hand_out_to_files(share_files) if share_files else hand_out_on_terminal,
        people={role: names for role, names in people.items() if names},
        now=now,
        passphrase=passphrase_from(passphrase_file),
    )
    _keep(result, record)
    if actor is not None:
        _register(actor, result, now)
        _tell_signer(home)


@ca.command()
@click.argument("code")
@click.option("--request", is_flag=True, help="First person: ask for the rollover.")
@click.option("--confirm", "number", type=int, help="Second person: confirm request NUMBER and carry it out.")
@click.option("--offline", type=_DIRECTORY, help="Directory with the root keys (attended ceremonies).")
@click.option("--share-file", "share_files", type=_FILE, multiple=True, help="A custodian's share (default: ask).")
@click.option("--record", type=_DIRECTORY, required=True, help="Directory for certificate and protocol.")
@_PASSPHRASE
def rollover(
    code: str,
    request: bool,
    number: int | None,
    offline: Path | None,
    share_files: tuple[Path, ...],
    record: Path,
    passphrase_file: Path | None,
) -> None:
    """Replace the issuing CA CODE by its successor; the old one goes on signing its CRLs.

    Two people with right ca.manage: one asks with --request, another confirms with --confirm NUMBER.
    """
    home, actor = _logged_in("ca.manage")
    from banyan.cli.ceremony import succeed
    from banyan.cli.ceremony.shares import ask_for_shares, read_shares
    from banyan.domain.ca import actions
    from banyan.domain.iam import dual_control
    from banyan.domain.iam.models import DualControlRequest

    now = clock.now()
    if request or number is None:
        made = dual_control.request_dual(actor=actor, kind="ca.rollover", payload={"ca": code}, now=now)
        announce(N_("已登记换代申请 {number}，请另一名 CA 操作员用 --confirm {number} 复核并执行。"), number=made.pk)
        return
    asked = DualControlRequest(pk=number)
    confirmed = dual_control.confirm_dual(actor=actor, request=asked, now=now)
    spent, payload = dual_control.use_dual(actor=actor, request=confirmed, kind="ca.rollover", now=now)
    if payload["ca"] != code:
        raise click.UsageError(f"申请 {spent.pk} 是为 CA {payload['ca']} 提出的。")
    shares = (read_shares(share_files) if share_files else ask_for_shares()) if offline else ()
    result = succeed(home, code, now=now, offline=offline, shares=shares, passphrase=passphrase_from(passphrase_file))
    _keep(result, record)
    _register(actor, result, now)
    actions.retire_authority(actor, code=code, now=now)
    _tell_signer(home)


@ca.command()
@click.argument("codes", nargs=-1)
@_JSON
def crl(codes: tuple[str, ...], as_json: bool) -> None:
    """Have the CRLs of CODES (default: every CA of the embedded connector) made and published (right
    ca.publish_crl).
    """
    home, actor = _logged_in("ca.publish_crl")
    from banyan.adapters.embedded_ca import EmbeddedConnector
    from banyan.domain.ca import access, actions

    connector = EmbeddedConnector(home)
    for code in codes or [row.code for row in access.authorities() if row.connector == connector.code]:
        issue = actions.issue_crl(actor, code, connector, clock.now())
        view = {
            "ca": code,
            "number": issue.number,
            "entries": issue.entries,
            "next_update": issue.next_update.isoformat(),
        }
        _show(
            view,
            as_json,
            f"{code}: {issue.number} 号，{issue.entries} 条，下次更新 {issue.next_update:%Y-%m-%d %H:%M}Z",
        )
    connector.close()


@ca.command()
def status() -> None:
    """Show the signer, the key-management centre and what waits for them, as JSON (right ca.read)."""
    home, _ = _logged_in("ca.read")
    from banyan.domain.ca import access

    figures: dict[str, Any] = {"waiting": access.waiting_for_ca()}
    for name in ("signer", "kmc"):
        with Client(home.socket(name), service=name) as client:
            figures[name] = client.call("status")
    click.echo(json.dumps(figures, ensure_ascii=False, indent=1))


@ca.command()
@click.option("--list-only", is_flag=True, help="Only list what the database lacks.")
@_JSON
def reconcile(list_only: bool, as_json: bool) -> None:
    """After a restore: record the certificates that the signer's journal holds and the database lacks
    (right ca.manage).
    """
    home, actor = _logged_in("ca.manage")
    from banyan.domain.ca.actions import replaying

    recorded = after = highest = 0
    with Client(home.socket("signer"), service="signer") as signer, Client(home.socket("kmc"), service="kmc") as kmc:
        signer.call("verify_journal")
        while page := signer.call("journal", after=after, limit=_PAGE):
            after = page[-1]["sequence"]
            highest = max(highest, *(entry["issuance"] for entry in page))
            missing = replaying.lacking([_entry(one) for one in page])
            for one in missing:
                _show(
                    {"issuance": one.issuance, "ca": one.ca, "name": one.subject_name},
                    as_json,
                    f"{one.ca} {one.issuance}: {one.subject_name}",
                )
            if not list_only:
                recorded += len(replaying.replay_journal(actor, missing, clock.now()))
        highest = max(highest, kmc.call("status")["highest_issuance"])
    if not list_only:
        replaying.reserve_issuances(actor, highest, clock.now())
    _show({"journal": after, "recorded": recorded}, as_json, f"日志共 {after} 条，补登 {recorded} 条。")


@ca.command()
@click.option("--of", "name", type=click.Choice(["signer", "kmc"]), required=True, help="Whose key-encryption key.")
@_PASSPHRASE
def passphrase(name: str, passphrase_file: Path | None) -> None:
    """Lock a key-encryption key with an operator's passphrase; its process asks for it at start from then
    on.
    """
    from banyan.cli.ceremony.shares import lock_kek

    lock_kek(Home.from_environment(), name, passphrase_from(passphrase_file))


def _logged_in(right: str) -> tuple[Home, Actor]:
    home = django_setup()
    from banyan.cli.session import current_actor
    from banyan.domain.iam import rights

    actor = current_actor(home, clock.now())
    rights.require(actor, right)
    return home, actor


def _keep(result: "CeremonyResult", record: Path) -> None:
    """Leave certificates, root CRLs and the protocol where people and ``banyan init`` find them."""
    record.mkdir(parents=True, exist_ok=True)
    rows = []
    for made in result.authorities:
        (record / f"{made.code}.cer").write_bytes(made.certificate)
        rows.append({"code": made.code, "algorithm": made.algorithm, "parent": made.parent, "file": f"{made.code}.cer"})
    for code, der in result.root_crls.items():
        (record / f"{code}.crl").write_bytes(der)
    (record / "authorities.json").write_text(json.dumps(rows, indent=1) + "\n")
    (record / "protocol.md").write_text(result.protocol)
    announce(N_("证书与仪式记录在 {record}；请打印 protocol.md 并由在场人员签字。"), record=record)


def _register(actor: Actor, result: "CeremonyResult", now: datetime) -> None:
    from banyan.domain.ca import access, actions

    for made in result.authorities:
        parent = access.authority(made.parent) if made.parent else None
        connector = "" if made.is_root else "embedded"
        actions.register_authority(
            actor, code=made.code, certificate=made.certificate, connector=connector, parent=parent, now=now
        )
    for code, der in result.root_crls.items():
        actions.record_foreign_crl(actor, code, der, now)


def _tell_signer(home: Home) -> None:
    """A running signer takes up new keys; one that does not run reads them at its start."""
    from banyan.kernel.errors import ServiceUnavailable

    try:
        with Client(home.socket("signer"), service="signer") as client:
            client.call("reload")
    except ServiceUnavailable:
        announce(N_("签名进程没有运行；启动后即使用新的密钥。"))


def _entry(one: dict[str, Any]) -> Any:
    from banyan.domain.ca.actions.replaying import JournalEntry

    context = one["context"]
    return JournalEntry(
        issuance=one["issuance"],
        ca=one["ca"],
        profile=one["profile"],
        signing_certificate=one["signing_certificate"],
        encryption_certificate=one["encryption_certificate"],
        system=context["system"],
        kind=context["kind"],
        region_code=context["region"],
        subject_name=context["subject"],
    )


def _show(view: dict[str, Any], as_json: bool, line: str) -> None:
    click.echo(json.dumps(view, ensure_ascii=False) if as_json else line)
