"""The commit boundaries of the product, read from its source: every action, every commit of signer and KMC."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

_SOURCE = Path(__file__).parents[2] / "src" / "banyan"
_WRITES = re.compile(r"^\s*(?:INSERT(?: OR \w+)? INTO|UPDATE|DELETE FROM)\s+(\w+)", re.IGNORECASE)
_STORES = {"journal.py": "journal.db", "journal_index.py": "index.db", "kmc_store.py": "store.db"}


def actions() -> set[str]:
    """Each function that is an action, by the name its transaction bears (``ra._issue_slice``)."""
    return {name for path in sorted(_SOURCE.rglob("*.py")) if "bench" not in path.parts for name in _actions_of(path)}


def _actions_of(path: Path) -> Iterator[str]:
    parts = path.relative_to(_SOURCE).with_suffix("").parts
    package = parts[1] if parts[0] == "domain" else "banyan"
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.FunctionDef) and any(_is_action(one) for one in node.decorator_list):
            yield f"{package}.{node.name}"[:64]


def _is_action(decorator: ast.expr) -> bool:
    named = decorator.func if isinstance(decorator, ast.Call) else decorator
    return ast.unparse(named) in {"audit.action", "action"}


def store_commits() -> set[str]:
    """Each table that signer or KMC write, with its file: a commit is named for the table written last before it."""
    found = set()
    for path in sorted((_SOURCE / "signer").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if (
                isinstance(node, ast.Constant)
                and isinstance(node.value, str)
                and (written := _WRITES.match(node.value))
            ):
                found.add(f"{_STORES[path.name]}:{written[1]}")
    return found


def both(*names: str) -> list[str]:
    """The moments before and after each commit."""
    return [f"{name}.{moment}" for name in names for moment in ("before", "after")]
