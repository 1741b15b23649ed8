"""The documents tell today's truth."""

import importlib.util
import re
import sys
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parents[2]
DOCUMENTS = [
    ROOT / "README.md",
    ROOT / "README.zh-CN.md",
    ROOT / "CONTRIBUTING.md",
    *sorted((ROOT / "docs").rglob("*.md")),
    *sorted((ROOT / "web").glob("*/README.md")),
]


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_files_that_a_document_names_exist(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    links = re.findall(r"\]\((?!https?:|#|mailto:)([^)#]+)", text)
    missing = [link for link in links if not (path.parent / link).exists()]
    assert not missing


def test_the_requirement_map_names_tests_that_exist() -> None:
    text = (ROOT / "docs" / "requirements.md").read_text(encoding="utf-8")
    named = set(re.findall(r"`((?:src|tests|docs)/[^`]+)`", text))
    assert named
    assert not [name for name in named if not (ROOT / name).exists()]


def test_make_help_lists_the_targets_the_readme_names() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for name in re.findall(r"`make ([a-z]+)`", (ROOT / "README.md").read_text(encoding="utf-8")):
        assert re.search(rf"^{name}:", makefile, re.M), name


def check_documents() -> ModuleType:
    """``scripts/check_documents.py``, which make check runs."""
    spec = importlib.util.spec_from_file_location("check_documents", ROOT / "scripts" / "check_documents.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # its dataclass looks itself up
    spec.loader.exec_module(module)
    return module


def test_every_command_of_the_documents_exists() -> None:
    script = check_documents()
    shown = script.all_shown()
    assert {one.words[0] for one in shown} == {"banyan", "make", "openssl"}
    assert [(one, fault) for one in shown if (fault := script.fault_of(one.words))] == []


@pytest.mark.parametrize(
    "command",
    [
        "banyan nonsense", "banyan demo --nonsense", "banyan audit nonsense", ".venv/bin/banyan bench issue --nonsense=3",
        "make nonsense", "make test NONSENSE=3", "openssl nonsense", "openssl verify -nonsense x",
    ],
)  # fmt: skip
def test_a_command_that_is_not_there_would_be_seen(command: str) -> None:
    script = check_documents()
    for text in (f"Say `{command}`.", f"```sh\nBANYAN_HOME=x {command}   # a note\n```\n"):
        (one,) = script.shown_in("x.md", text)
        assert script.fault_of(one.words)


def test_a_command_that_fails_when_it_is_run_would_be_seen(tmp_path: Path) -> None:
    script = check_documents()
    assert script.Trial(tmp_path).fault_of(["openssl", "verify", "nothing.pem"])
    assert not script.Trial(tmp_path).fault_of(["make", "help"])
