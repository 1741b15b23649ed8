"""``banyan login``, ``logout``, ``whoami``: a person's own credential opens a session; nothing else does."""

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import click

from banyan.cli.context import django_setup
from banyan.cli.pin_input import pin_options
from banyan.kernel.clock import now

if TYPE_CHECKING:
    from banyan.domain.iam.actions import NewSession

_CHANNEL = "cli"


@click.command()
@click.option("--user", help="User name; asked for when left out.")
@click.option("--link", help="First log-in link (address or its last part); sets a password.")
@click.option(
    "--password-file",
    type=click.Path(exists=True, path_type=Path, dir_okay=False, allow_dash=True),
    help="File whose first line is the password; - reads standard input.",
)
@click.option(
    "--code-file",
    type=click.Path(exists=True, path_type=Path, dir_okay=False, allow_dash=True),
    help="File whose first line is the authenticator's code; asked for when left out and needed.",
)
@click.option("--token", help="Serial number of the token that is plugged in here and signs.")
@pin_options
@click.option("--certificate", "is_by_certificate", is_flag=True, help="By certificate, where no password comes first.")
@click.option(
    "--challenge-out",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Where to write the challenge that the token signs, for a log-in by certificate.",
)
@click.option(
    "--answer",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="The token agent's answer to the challenge: JSON with signature and signing_certificate.",
)
def login(
    user: str | None,
    link: str | None,
    password_file: Path | None,
    code_file: Path | None,
    token: str | None,
    pin_file: Path | None,
    pin_letters: Path | None,
    is_by_certificate: bool,
    challenge_out: Path | None,
    answer: Path | None,
) -> None:
    """Log in and keep a session.

    The session file is readable by you alone. A password is never an option: it would stand in the list of
    processes and in the shell's history.

    With a certificate: --token names the token here, alone (--certificate) or after the password. Where the token is
    elsewhere it takes two calls, within two minutes: --challenge-out writes what the token signs, --answer brings the
    signature back.
    """
    home = django_setup()
    from banyan.cli import certificate_answer, token_login
    from banyan.cli.session import write_session
    from banyan.domain.iam.errors import CertificateNeeded, CodeNeeded

    def by_certificate(credential_id: int | None) -> "NewSession | None":
        if token is None:
            certificate_answer.ask(home, challenge_out, credential_id)
            return None
        return token_login.log_in(home, token, credential_id, pin_file, pin_letters)

    opened: NewSession | None
    if answer is not None:
        opened = certificate_answer.give(home, answer)
    elif is_by_certificate:
        opened = by_certificate(None)
    else:
        try:
            opened = _by_link(link, password_file) if link else _by_password(user, password_file)
        except CertificateNeeded as needed:
            opened = by_certificate(needed.credential_id)
        except CodeNeeded as needed:
            opened = _by_code(needed.credential_id, code_file)
    if opened is None:
        return
    write_session(home, opened)
    account = opened.session.account
    click.echo(f"{account.username} ({account.display_name})")


@click.command()
def logout() -> None:
    """End the session of this terminal."""
    home = django_setup()
    from banyan.cli.session import HeldBack, NotLoggedIn, current_actor, forget_session
    from banyan.domain.iam.actions import log_out
    from banyan.domain.iam.errors import SessionInvalid

    moment = now()
    try:
        log_out(actor=current_actor(home, moment), now=moment)
    except (HeldBack, NotLoggedIn, SessionInvalid):
        pass  # already over; what is left is the file
    finally:
        forget_session()


@click.command()
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
def whoami(as_json: bool) -> None:
    """Show who is logged in, with which rights, in which regions."""
    home = django_setup()
    from banyan.cli.session import current_actor

    actor = current_actor(home, now())
    regions = sorted(actor.regions) if actor.regions is not None else None
    if as_json:
        shown = {
            "user": actor.name,
            "rights": sorted(actor.rights),
            "regions": regions,
            "session": actor.session_id,
        }
        click.echo(json.dumps(shown, ensure_ascii=False))
        return
    click.echo(actor.name)
    from django.utils.translation import gettext as _

    click.echo(_("全省") if regions is None else " ".join(regions))
    for right in sorted(actor.rights):
        click.echo(f"  {right}")


def _by_password(user: str | None, password_file: Path | None) -> "NewSession":
    from django.utils.translation import gettext as _

    from banyan.domain.iam.login import log_in
    from banyan.domain.iam.sources import TERMINAL

    username = user or click.prompt(_("用户名"), type=str)
    password = _read(password_file) if password_file else _ask(_("口令"))
    return log_in(username=username, password=password, channel=_CHANNEL, now=now(), source=TERMINAL)


def _by_link(link: str, password_file: Path | None) -> "NewSession":
    from django.utils.translation import gettext as _

    from banyan.domain.iam.login import log_in_with_link
    from banyan.domain.iam.sources import TERMINAL

    password = _read(password_file) if password_file else _ask(_("新口令"), twice=True)
    secret = secret_of(link)
    return log_in_with_link(secret=secret, password=password, channel=_CHANNEL, now=now(), source=TERMINAL)


def _by_code(credential_id: int, code_file: Path | None) -> "NewSession":
    from django.utils.translation import gettext as _

    from banyan.domain.iam import access
    from banyan.domain.iam.codes import log_in_by_code
    from banyan.domain.iam.sources import TERMINAL

    code = _read(code_file) if code_file else _ask(_("动态口令"))
    password = access.password_shown(credential_id)
    return log_in_by_code(password=password, code=code, channel=_CHANNEL, now=now(), source=TERMINAL)


def secret_of(link: str) -> str:
    """The secret of a first log-in link: the last part of its path, or the text itself."""
    return urlsplit(link).path.rstrip("/").rsplit("/", 1)[-1] if "/" in link else link


def _ask(label: str, *, twice: bool = False) -> str:
    answer: str = click.prompt(label, hide_input=True, confirmation_prompt=twice, type=str)
    return answer


def _read(path: Path) -> str:
    text = sys.stdin.readline() if str(path) == "-" else path.read_text().partition("\n")[0]
    return text.rstrip("\r\n")
