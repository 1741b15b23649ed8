"""``banyan config``: what the installation is set to."""

import json

import click

from banyan.cli.messages import translate
from banyan.kernel import clock


@click.group()
def config() -> None:
    """Settings of the installation."""


@config.command()
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
def show(as_json: bool) -> None:
    """Print every setting with its value; passwords are hidden."""
    from banyan.config.settings import Settings, load

    settings = load()
    values = {name: _shown(name, getattr(settings, name)) for name in Settings.model_fields}
    if as_json:
        click.echo(json.dumps(values, ensure_ascii=False))
        return
    for name, value in values.items():
        click.echo(f"{name:24} {value!s:40} {Settings.model_fields[name].description}")


@config.command("staff-login")
@click.argument("method", required=False, type=click.Choice(("password", "two_factor", "certificate")))
def staff_login(method: str | None) -> None:
    """Show what staff log in with, or ask for another way; another administrator confirms.

    password: password or certificate. two_factor: password, then certificate, for whom one is bound. certificate: no
    passwords at all, once every administrator has a certificate. It is kept in the database, no line of the settings file.
    """
    from banyan.cli.session import current_actor

    actor = current_actor()
    from banyan.cli.staff_certificates import print_waiting
    from banyan.domain.iam import staff_login as rule

    if method is None:
        found = rule.staff_login()
        click.echo(f"{found.value}\t{translate(found.label)}")
        return
    request = rule.ask_for_staff_login(actor=actor, method=rule.Method(method), now=clock.now())
    print_waiting(request.pk)


def _shown(name: str, value: object) -> str | int | bool | None:
    if name == "database" and isinstance(value, str) and "@" in value:
        scheme, rest = value.split("://", 1)
        user = rest.split("@", 1)[0].split(":", 1)[0]
        return f"{scheme}://{user}@{rest.split('@', 1)[1]}"
    return value if isinstance(value, str | int | bool) or value is None else str(value)
