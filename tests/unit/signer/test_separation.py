"""Private-key code is imported by the key-holding processes and the ceremony only; read from the sources."""

import ast
import inspect
from pathlib import Path

import banyan
from banyan import keys
from banyan.keys import kek, signers, store

SOURCE = Path(banyan.__file__).parent
MAY_IMPORT = ("signer/", "cli/ceremony/", "keys/")


def imported(path: Path) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module)
            names.update(f"{node.module}.{alias.name}" for alias in node.names)
    return names


def test_nobody_else_imports_the_keys() -> None:
    offenders, allowed = [], 0
    for path in SOURCE.rglob("*.py"):
        place = path.relative_to(SOURCE).as_posix()
        if any(name == "banyan.keys" or name.startswith("banyan.keys.") for name in imported(path)):
            if place.startswith(MAY_IMPORT):
                allowed += 1
            else:
                offenders.append(place)
    assert offenders == []
    assert allowed > 5


def test_what_shows_a_private_key_is_named_unsafe() -> None:
    """Public functions and methods of the package that give 32 bytes of a private key say so in their name."""
    shown = []
    for module in (keys, kek, signers, store):
        for name, member in inspect.getmembers(module, inspect.isfunction):
            if "private" in name and not name.startswith(("_", "unsafe_")):
                shown.append((name, inspect.signature(member).return_annotation))
    # These two take something private, or write a private file; neither returns a key.
    assert {name for name, _ in shown} <= {"signer_from_private", "write_private", "is_private"}
    assert all(annotation is not bytes for _, annotation in shown)
    for kind in (signers.SoftSm2Signer, signers.SoftP256Signer, store.KeyStore, store.StoredKey, store.KeyRecord):
        assert not [name for name in dir(kind) if "private" in name and not name.startswith("_")]
