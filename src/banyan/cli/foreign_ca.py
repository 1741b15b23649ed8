"""``banyan ca register``: a CA that is not ours, with the connector that reaches it."""

from pathlib import Path

import click

from banyan.cli.shown import json_option, say, show_card
from banyan.kernel import clock
from banyan.kernel.errors import N_

_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.command()
@click.argument("code")
@click.option("--certificate", type=_FILE, required=True, help="Its certificate, PEM or DER.")
@click.option("--connector", default="", help="Name of the connector that reaches it (none: files only).")
@click.option("--parent", help="Code of the CA above it, when that one is registered.")
@click.option("--crl", type=_FILE, help="Its current CRL, to be recorded.")
@json_option
def register(code: str, certificate: Path, connector: str, parent: str | None, crl: Path | None, as_json: bool) -> None:
    """Register another operator's CA as CODE (right ca.manage), so that its certificates can be imported."""
    from banyan.cli.context import django_setup
    from banyan.cli.session import current_actor

    home = django_setup()
    now = clock.now()
    actor = current_actor(home, now)
    from banyan.adapters import connectors
    from banyan.domain.ca import access, actions
    from banyan.domain.ca.models import Origin
    from banyan.pki.certificate import pem_to_der
    from banyan.pki.crl_view import parse_crl

    if connector:
        connectors.connector(connector, home)
    made = actions.register_authority(
        actor,
        code=code,
        certificate=pem_to_der(certificate.read_bytes()),
        connector=connector,
        origin=Origin.FOREIGN,
        parent=access.authority(parent) if parent else None,
        now=now,
    )
    if crl is not None:
        issue = actions.record_foreign_crl(actor, code, parse_crl(crl.read_bytes()).der, now)
        say(N_("{ca} 的吊销列表 {number} 号已登记，共 {count} 条。"), ca=code, number=issue.number, count=issue.entries)
    view = {"ca": made.code, "name": made.name, "algorithm": made.algorithm, "connector": made.connector,
            "origin": made.origin, "not_after": made.not_after}  # fmt: skip
    show_card(view, as_json=as_json)
