"""``banyan``: finds the module of a command only when that command is called, so that help answers at once."""

import sys
from importlib import import_module

import click

from banyan import __version__
from banyan.kernel.errors import N_, BanyanError

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
    "jobs": ("banyan.cli.jobs", "Do the work that needs no person, round after round."),
    "key": ("banyan.cli.key", "Recover an escrowed encryption key under dual control."),
    "kmc": ("banyan.cli.kmc", "Run the key-management process."),
    "login": ("banyan.cli.login", "Log in and keep a session."),
    "logout": ("banyan.cli.login", "End the session."),
    "outbox": ("banyan.cli.outbox", "What goes outside: targets, what waits, dead letters; resend, pause, resume."),
    "pages": ("banyan.cli.pages", "Serve the pages."),
    "request": ("banyan.cli.request", "Service requests: the six businesses, step by step."),
    "run": ("banyan.cli.run", "Serve: signer, key management, jobs and pages, supervised."),
    "sheet": ("banyan.cli.sheet", "Sheets of applications: template, check, import, result."),
    "signer": ("banyan.cli.signer", "Run the signing process."),
    "staff": ("banyan.cli.staff", "Staff accounts, roles and first log-in links."),
    "token": ("banyan.cli.token", "Tokens: list, prepare, write, PIN, unlock."),
    "whoami": ("banyan.cli.login", "Who is logged in, with which rights."),
}


DATABASE_TROUBLE = N_("数据库打不开或没有应答。检查 BANYAN_HOME、database 设置、磁盘和数据库服务，再重试。")

FILE_TROUBLE = N_("有文件读不出或写不进。检查路径、权限、磁盘空间和编码（应为 UTF-8），再重试。")


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
        sys.exit(banyan.main(standalone_mode=False) or 0)
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
    except (OSError, UnicodeDecodeError) as error:
        from banyan.cli.messages import translate

        click.echo(f"{translate(FILE_TROUBLE)} [cli.file] {error}", err=True)
        sys.exit(1)
    except Exception as error:
        if not _is_of_database(error):
            raise
        from banyan.cli.messages import translate

        click.echo(f"{translate(DATABASE_TROUBLE)} [cli.database] {error}", err=True)
        sys.exit(1)


def _is_of_database(error: Exception) -> bool:
    """Whether Django's database layer raised it (asked without importing Django)."""
    return any(base.__module__ == "django.db.utils" and base.__name__ == "Error" for base in type(error).__mro__)
