"""``banyan``: finds the module of a command only when that command is called, so that help answers at once."""

import sys
from importlib import import_module

import click

from banyan import __version__
from banyan.kernel.errors import BanyanError

# command → (module, one line of help). The line stands here so that listing commands imports nothing.
COMMANDS: dict[str, tuple[str, str]] = {
    "audit": ("banyan.cli.audit", "Read, verify and checkpoint the audit."),
    "bench": ("banyan.cli.bench", "Measure; one JSON object a figure."),
    "ca": ("banyan.cli.ca", "Certificate authorities: ceremony, rollover, CRL, state."),
    "cert": ("banyan.cli.cert", "Certificates: list, show, export, check, import, hold, release."),
    "check": ("banyan.cli.check", "Self-test of every function; fails when something must not be."),
    "config": ("banyan.cli.config", "Show the settings, secrets hidden."),
    "demo": ("banyan.cli.demo", "The main job from a sheet to certificates in tokens, headless."),
    "init": ("banyan.cli.init", "Make an installation."),
    "key": ("banyan.cli.key", "Recover an escrowed encryption key under dual control."),
    "kmc": ("banyan.cli.kmc", "Run the key-management process."),
    "login": ("banyan.cli.login", "Log in and keep a session."),
    "logout": ("banyan.cli.login", "End the session."),
    "request": ("banyan.cli.request", "Service requests: the six businesses, step by step."),
    "run": ("banyan.cli.run", "Serve: signer, key management, jobs and pages, supervised."),
    "sheet": ("banyan.cli.sheet", "Sheets of applications: template, check, import, result."),
    "signer": ("banyan.cli.signer", "Run the signing process."),
    "staff": ("banyan.cli.staff", "Staff accounts, roles and first log-in links."),
    "token": ("banyan.cli.token", "Tokens: list, prepare, write, PIN, unlock."),
    "whoami": ("banyan.cli.login", "Who is logged in, with which rights."),
}


class LazyGroup(click.Group):
    """Commands by name, imported when called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        del ctx
        return sorted(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        module = import_module(COMMANDS[cmd_name][0])
        command: click.Command = getattr(module, cmd_name)
        del ctx
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, COMMANDS[name][1]) for name in self.list_commands(ctx)])


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="banyan")
def banyan() -> None:
    """Banyan (榕证): the digital-certificate service of a province.

    Exit codes: 0 done · 1 refused or failed, with the reason · 2 the command was not understood · 3 something checked
    is not as it must be.
    """


def main() -> None:
    """Entry point; an error of ours becomes one clear line and exit code 1."""
    try:
        banyan.main(standalone_mode=False)
    except click.exceptions.Exit as stop:
        sys.exit(stop.exit_code)
    except click.Abort:
        sys.exit(130)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except BanyanError as error:
        from banyan.cli.messages import translated

        click.echo(f"{translated(error)} [{error.code}]", err=True)
        sys.exit(1)
