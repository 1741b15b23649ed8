"""Looking for what must not lie about in clear: in every column of every table, in every file, in what commands tell.

Run in a process of its own on an installation: ``python -m support.searching <letters> <the sheet put in> <more files…>`` prints
JSON.
"""

import base64
import io
import json
import re
import sys
import zipfile
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from support import device_state

_ID_COLUMNS = ("证件号码", "经办人证件号码")
_PHONE_COLUMNS = ("手机号码", "经办人手机")
_ROWS = 20


def secrets_of_the_sample(letters: Path, home: Any) -> dict[str, re.Pattern[bytes]]:
    """What to look for, by a name that may be told."""
    wanted: dict[str, re.Pattern[bytes]] = {}
    from banyan.cli import sample
    from banyan.cli.soft_tokens import Place

    for number, row in enumerate(sample.sheet_rows(_ROWS)):
        for column in (*_ID_COLUMNS, *_PHONE_COLUMNS):
            if row.get(column):
                wanted[f"{column} of row {number}"] = _text(row[column])
    for place in sorted(letters.glob("*.txt")):
        wanted[f"PIN of {place.stem}"] = _number(place.read_text().strip())
    for name, pin in _admin_pins():
        wanted[f"administrator PIN of {name}"] = _text(pin)
    for name, key in _private_keys(letters, home):
        wanted[name] = _key(key)
    for path in [*sorted(home.keys.glob("*.kek")), Place.of(home).secret]:
        wanted[path.name] = _key(path.read_bytes())
    wanted["a PEM private key"] = re.compile(rb"PRIVATE KEY")
    return wanted


def _text(value: str) -> re.Pattern[bytes]:
    forms = [value.encode(), value.encode("utf-16-le"), value.encode().hex().encode(), base64.b64encode(value.encode())]
    return re.compile(b"|".join(re.escape(form) for form in forms))


def _number(value: str) -> re.Pattern[bytes]:
    """A PIN of digits: by itself, not as a part of a longer number, as which it comes by chance."""
    return re.compile(rb"(?<![0-9A-Fa-f])" + re.escape(value.encode()) + rb"(?![0-9A-Fa-f])")


def _key(value: bytes) -> re.Pattern[bytes]:
    forms = [value, value[::-1], value.hex().encode(), value.hex().upper().encode(), base64.b64encode(value)[:40]]
    return re.compile(b"|".join(re.escape(form) for form in forms), re.DOTALL)


def _admin_pins() -> Iterator[tuple[str, str]]:
    from banyan.domain.inventory import protection
    from banyan.domain.inventory.models import Token

    for token in Token.objects.unscoped("the searcher"):
        if token.admin_pin_sealed is not None:
            yield token.serial, protection.open_admin_pin(token)


def _private_keys(letters: Path, home: Any) -> Iterator[tuple[str, bytes]]:
    """Signing and encryption keys of the soft tokens, by the PINs of the letters; keys of the sample's CAs."""
    from banyan.cli.soft_tokens import Place, drawer

    desk = Place.of(home)
    secret = desk.secret.read_bytes()
    for serial in drawer(home).serials():
        pin = (letters / f"{serial}.txt").read_text().strip()
        for (_container, use), key in device_state.private_keys(desk.tokens / serial, secret, pin).items():
            yield f"{use} key of {serial}", key


def tables() -> Iterator[tuple[str, bytes]]:
    """Every column of every table, whole, as bytes."""
    from django.db import connection

    with connection.cursor() as cursor:
        for table in sorted(connection.introspection.table_names(cursor)):
            cursor.execute(f'SELECT * FROM "{table}"')  # noqa: S608  (our own tables)
            names = [one[0] for one in cursor.description]
            rows = cursor.fetchall()
            for place, name in enumerate(names):
                yield f"{table}.{name}", b"\n".join(_bytes(row[place]) for row in rows)


def _bytes(value: Any) -> bytes:
    if isinstance(value, bytes | memoryview):
        return bytes(value)
    return str(value).encode("utf-8", "surrogatepass")


def files(home: Any, more: Iterable[Path]) -> Iterator[tuple[str, bytes]]:
    """Every file below the home and those named; what is in an archive too."""
    found = [path for path in home.path.rglob("*") if path.is_file()]
    for path in [*found, *more]:
        content = path.read_bytes()
        yield str(path.name), content
        if zipfile.is_zipfile(io.BytesIO(content)):
            with zipfile.ZipFile(io.BytesIO(content)) as archive:
                for member in archive.namelist():
                    yield f"{path.name}/{member}", archive.read(member)


def search(wanted: Mapping[str, re.Pattern[bytes]], places: Iterable[tuple[str, bytes]]) -> tuple[list[str], int]:
    """What was found where; and how many places were looked at."""
    found, looked_at = [], 0
    for place, content in places:
        looked_at += 1
        found += [f"{name} in {place}" for name, pattern in wanted.items() if pattern.search(content)]
    return found, looked_at


def main(letters: Path, put_in: Path, more: list[Path]) -> None:
    from banyan.cli.context import django_setup
    from banyan.cli.soft_tokens import Place

    home = django_setup()
    # At the user's side the agent's own keys and the machine's secret lie in files of their own; nothing else may.
    desk = Place.of(home)
    own = {desk.secret, desk.agent / "agent.pem", desk.agent / "tls.pem"}
    more += [path for path in desk.path.rglob("*") if path.is_file() and path not in own]
    wanted = secrets_of_the_sample(letters, home)
    known = {
        "a name": _text("测试甲"),
        "a certificate": re.compile(rb"BEGIN CERTIFICATE"),
        "DER": re.compile(rb"\x30\x82"),
    }
    in_tables, columns = search(wanted, tables())
    in_files, looked_at = search(wanted, files(home, more))
    report = {
        "wanted": sorted(wanted),
        "found": in_tables + in_files,
        "columns": columns,
        "files": looked_at,
        "known_in_tables": sorted({one.split(" in ")[0] for one in search(known, tables())[0]}),
        "known_in_files": sorted({one.split(" in ")[0] for one in search(known, files(home, more))[0]}),
        "seen_in_the_input": sorted(name for name, pattern in wanted.items() if pattern.search(_unpacked(put_in))),
    }
    sys.stdout.write(json.dumps(report, ensure_ascii=False))


def _unpacked(book: Path) -> bytes:
    with zipfile.ZipFile(book) as archive:
        return b"".join(archive.read(member) for member in archive.namelist())


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), [Path(name) for name in sys.argv[3:]])
