"""Who works at this terminal: the session file that ``banyan login`` writes and every acting command reads.

No option, variable or setting chooses another actor: the file holds only a random token, and the installation
decides what it stands for. ``BANYAN_SESSION`` names another place for the file, so that two people can work
on one machine.
"""

import json
import os
import tempfile
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from banyan.kernel import clock
from banyan.kernel.actor import Actor
from banyan.kernel.errors import N_, BanyanError
from banyan.kernel.home import Home

if TYPE_CHECKING:
    from banyan.domain.iam.actions import NewSession


class SessionFileUnsafe(BanyanError):
    """The session file can be read by others."""

    code = "cli.session_file_unsafe"
    message = N_("会话文件 {path} 可被他人读取。请删除它并重新登录。")


class NotLoggedIn(BanyanError):
    """There is no session for this installation."""

    code = "cli.not_logged_in"
    message = N_("没有登录。请先运行 banyan login。")


class HeldBack(BanyanError):
    """The policy asks the person to change something first, which pages do."""

    code = "cli.held_back"
    message = N_("口令已到期，或者还没有第二种凭据。请先在页面的“我的账号”里办完，再重新登录。")


def session_file() -> Path:
    """Where the session of this terminal lies."""
    chosen = os.environ.get("BANYAN_SESSION")
    if chosen:
        return Path(chosen)
    state = Path(os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state")
    return state / "banyan" / "session"


def write_session(home: Home, opened: "NewSession") -> Path:
    """Keep a session, readable by its owner only and good for this installation only."""
    path = session_file()
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=".session-")  # made 0600
    with os.fdopen(descriptor, "w") as file:
        json.dump({"home": str(home.path.resolve()), "token": opened.token}, file)
    Path(name).replace(path)
    return path


def forget_session() -> None:
    """Remove the session file."""
    session_file().unlink(missing_ok=True)


def current_actor(home: Home | None = None, now: datetime | None = None) -> Actor:
    """The person logged in at this terminal, with the rights held now; sets Django up when nobody did.

    Raises NotLoggedIn, SessionFileUnsafe, HeldBack, or SessionInvalid when the session has
    ended.
    """
    from banyan.cli.context import django_setup

    place = home or django_setup()
    from banyan.domain.iam.access import actor_from_session

    actor = actor_from_session(_token(place), now or clock.now())
    if actor.held_back:
        raise HeldBack
    return actor


def _token(home: Home) -> str:
    path = session_file()
    try:
        mode = path.stat().st_mode
        stored = json.loads(path.read_text())
        token, made_for = str(stored["token"]), str(stored["home"])
    except (FileNotFoundError, ValueError, KeyError, TypeError) as error:
        raise NotLoggedIn from error
    if mode & 0o077:
        raise SessionFileUnsafe(path=str(path))
    if made_for != str(home.path.resolve()):
        raise NotLoggedIn
    return token
