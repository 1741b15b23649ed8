"""``banyan config``: what the installation is set to."""

import json

import click


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


def _shown(name: str, value: object) -> str | int | bool | None:
    if name == "database" and isinstance(value, str) and "@" in value:
        scheme, rest = value.split("://", 1)
        user = rest.split("@", 1)[0].split(":", 1)[0]
        return f"{scheme}://{user}@{rest.split('@', 1)[1]}"
    return value if isinstance(value, str | int | bool) or value is None else str(value)
