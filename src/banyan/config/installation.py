"""What an installation was made for, recorded once when it is made.

The record lies with the keys, under a MAC of the sealing keyring: neither a variable nor the settings file says whether an
installation is a sample, they can only contradict the record, and a record that was written by hand, taken from another
installation or removed stops every command. The database holds the same as a guarded row (``iam.installation``).
"""

import hmac
import json
import os
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum

from banyan import sealing
from banyan.kernel.errors import N_, BanyanError
from banyan.kernel.home import Home
from banyan.sealing.keyring import KEYS_NAME

_FORMAT = 1
_LABEL = "banyan installation record 1"


class State(StrEnum):
    """What an installation may be used for; fixed when it is made."""

    SAMPLE = "sample"
    PRODUCTION = "production"


class RecordMissing(BanyanError):
    """There is an installation, and nothing says what it was made for."""

    code = "config.record_missing"
    message = N_(
        "{file} 不存在，不能确认这套安装是样例还是生产，已停止。请从备份恢复该文件；"
        "没有这个文件的生产安装用 banyan init --upgrade 补记，样例请另建一套。"
    )


class RecordForged(BanyanError):
    """The record was changed, or belongs to another installation."""

    code = "config.record_forged"
    message = N_("{file} 被改动过，或是另一套安装的记录，已停止。请从备份恢复该文件，并查明原因。")


class StateContradicted(BanyanError):
    """A setting says something else than the record."""

    code = "config.state_contradicted"
    message = N_("这套安装建成时定为 {recorded}，不能改变；{place} 却写着 {named}。请删去这项设置。")


@dataclass(frozen=True)
class Record:
    """What is recorded: the state, a random name of the installation, and when it was made."""

    state: State
    mark: str
    made_at: datetime

    def values(self) -> tuple[str, str, datetime]:
        """What the MAC covers."""
        return self.state.value, self.mark, self.made_at


def read(home: Home) -> Record | None:
    """The record of an installation, None when there is none. Raises RecordForged and what is wrong with the keys."""
    path = home.record
    try:
        text = path.read_bytes()
    except FileNotFoundError:
        return None
    # Without its data keys nothing can be checked, and opening the keyring would make new ones.
    if not (home.path / KEYS_NAME).exists():
        raise RecordForged(file=str(path))
    try:
        form = json.loads(text)
        record = Record(State(form["state"]), str(form["mark"]), datetime.fromisoformat(form["made_at"]))
        mac = bytes.fromhex(form["mac"])
        expected = sealing.keyring(home).rows.mac(_LABEL, record.values())
    except (ValueError, KeyError, TypeError) as error:
        raise RecordForged(file=str(path)) from error
    if form.get("format") != _FORMAT or not hmac.compare_digest(mac, expected):
        raise RecordForged(file=str(path))
    return record


def write(home: Home, state: State, now: datetime, mark: str = "") -> Record:
    """Record what the installation is made for; never a second time.

    A making that was broken off finds its own record again. Raises StateContradicted or RecordForged for any other.
    """
    kept = read(home)
    if kept is not None:
        if kept.state != state:
            raise StateContradicted(recorded=kept.state, named=state, place="banyan init")
        return kept
    record = Record(state, mark or secrets.token_hex(16), now.astimezone(UTC))
    form = {
        "format": _FORMAT,
        "state": record.state.value,
        "mark": record.mark,
        "made_at": record.made_at.isoformat(),
        "mac": sealing.keyring(home).rows.mac(_LABEL, record.values()).hex(),
    }
    handle = os.open(home.record, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        json.dump(form, file, indent=1)
        file.flush()
        os.fsync(file.fileno())
    return record
