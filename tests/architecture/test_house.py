"""The house keeps to its plan."""

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "src"


def modules(*below: str) -> Iterator[tuple[Path, ast.Module]]:
    for part in below or ("banyan", "banyan_token"):
        for path in sorted((SOURCE / part).rglob("*.py")):
            yield path, ast.parse(path.read_text(encoding="utf-8"))


def calls(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            yield ast.unparse(node.func)


def test_imports_point_down_only() -> None:
    """The contract of .importlinter holds."""
    result = subprocess.run(
        [str(Path(sys.executable).with_name("lint-imports")), "--no-cache"], cwd=ROOT, capture_output=True, text=True
    )
    assert result.returncode == 0, result.stdout


def test_a_users_signing_key_is_born_in_a_token_only() -> None:
    """A2: only the token, the KMC's pool (encryption keys), the CA's own key store and the keyring (the key of tasks for
    token agents) make SM2 key pairs.
    """
    allowed = (
        "banyan/gm/",
        "banyan_token/",
        "banyan/signer/",
        "banyan/keys/",
        "banyan/sealing/keyring.py",
        "banyan/cli/bench/",
        "banyan/adapters/simulated_superior/",
    )
    makers = {
        str(path.relative_to(SOURCE))
        for path, tree in modules()
        if any(name.split(".")[-1] in {"generate_keypairs", "generate_keypair"} for name in calls(tree))
    }
    assert makers, "the test looks for the wrong name"
    assert not [name for name in makers if not name.startswith(allowed)]


def tracked() -> list[Path]:
    """Every file of the repository, as git names it."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return [Path(name) for name in listed.split("\0") if name and (ROOT / name).exists()]


_SAYS_NOTHING = re.compile(r"utils?|helpers?|commons?|misc|stuff|things?|lib|tools?", re.IGNORECASE)


def test_no_file_or_directory_has_a_name_that_says_nothing() -> None:
    """Whatever the language; templates, scripts and documents too."""
    parts = {(path, part) for path in tracked() for part in path.parts}
    assert not [str(path) for path, part in parts if _SAYS_NOTHING.fullmatch(part.lstrip("_").split(".")[0])]


@pytest.mark.parametrize("name", ["utils", "helper", "common", "misc"])
def test_a_name_that_says_nothing_would_be_seen(name: str) -> None:
    assert _SAYS_NOTHING.fullmatch(name)


def test_migrations_import_no_code_of_ours() -> None:
    """A migration must run when the code has moved on (F7)."""
    for path in SOURCE.rglob("migrations/[0-9]*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and node.module:
                assert not node.module.startswith("banyan"), path


def test_secrets_come_from_the_system() -> None:
    """No module of the product draws from the predictable generator; the bench's choice of rows is no secret."""
    for path, tree in modules():
        if path.parent.name == "bench" and path.name.startswith("pages_"):
            continue
        for node in ast.walk(tree):
            if isinstance(node, ast.Import):
                assert "random" not in {alias.name for alias in node.names}, path
            if isinstance(node, ast.ImportFrom):
                assert node.module != "random", path


# A bench builds and counts what no person ever sees.
NO_INTERFACE = "banyan/cli/bench/"


@pytest.mark.parametrize("part", ["banyan/web", "banyan/cli", "banyan/jobs"])
def test_no_page_reads_rows_around_access(part: str) -> None:
    """Interfaces read through access.py: no page, command or job touches a model's manager (scope, E4)."""
    found = list(modules(part))
    assert found, "the test looks in the wrong place"
    around = [
        f"{path}:{node.lineno}: {ast.unparse(node)}"
        for path, tree in found
        if not str(path.relative_to(SOURCE)).startswith(NO_INTERFACE)
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and node.attr in {"objects", "_default_manager", "_base_manager", "unscoped"}
    ]
    assert not around, "\n".join(around)


_SPEAKS = frozenset({"echo", "secho", "say", "prompt", "confirm", "pause", "announce"})
_TRANSLATES = frozenset({"N_", "_", "translate", "dumps"})  # JSON is for programs
_WORD = re.compile(r"[A-Za-z]{3,}")


def bare_words(node: ast.AST) -> Iterator[str]:
    """Latin words of a message that nothing translates; what only formats or picks a value is no text."""
    if isinstance(node, ast.Call) and ast.unparse(node.func).split(".")[-1] in _TRANSLATES:
        return
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield from _WORD.findall(re.sub(r"\[[a-z_.]+\]", "", node.value))  # the code of an error
        return
    left_out = {"slice", "format_spec", "keywords", "keys"}
    for name, value in ast.iter_fields(node):
        for one in value if isinstance(value, list) else [value]:
            if isinstance(one, ast.AST) and name not in left_out:
                yield from bare_words(one)


def bare_sentences(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and ast.unparse(node.func).split(".")[-1] in _SPEAKS:
            words = [word for argument in node.args for word in bare_words(argument)]
            if words:
                yield f"{node.lineno}: {ast.unparse(node)}"


def test_no_command_speaks_english_to_a_chinese_installation() -> None:
    """What the command line says goes through the catalogue: Chinese first, English where that is the language."""
    planted = 'click.echo(f"{count} rows taken")\nclick.echo("stopped" if done else "", err=True)\n'
    assert len(list(bare_sentences(ast.parse(planted)))) == 2
    assert not list(bare_sentences(ast.parse('click.echo(translate(N_("受理 {good} 行")))\nclick.echo(a["rows"])')))
    found = [
        f"{path}:{sentence}"
        for path, tree in modules("banyan/cli")
        if not str(path.relative_to(SOURCE)).startswith(NO_INTERFACE)
        for sentence in bare_sentences(tree)
    ]
    assert not found, "\n".join(found)


# Roots of a machine's own tree that a clone must not count on. /usr, /etc, /tmp, /dev, /proc are a system's.
_PLACE_OUTSIDE = re.compile(
    r"""(?<![\w./~>})\]-])/(?:work|home|root|opt|srv|mnt|media|data|Users|shared|workspace|builds?|nix)(?:/|\b(?=["'`\s]))"""
    r"""|\.\./shared|~/(?!\.)\w"""
)
# Hosts that software is fetched from: which one serves a machine is that machine's affair.
_REGISTRY = re.compile(
    r"(?:[\w.-]+\.)?(?:pypi\.(?:org|python\.org)|pythonhosted\.org|npmjs\.(?:org|com)|npmmirror\.com|taobao\.org"
    r"|yarnpkg\.com|tuna\.tsinghua\.edu\.cn|mirrors?\.[\w-]+\.\w+|deb\.debian\.org|docker\.io|ghcr\.io|quay\.io"
    r"|repo1?\.maven\.\w+|jsdelivr\.net|unpkg\.com|cdnjs\.\w+|googleapis\.com|artifactory[\w.-]*|nexus[\w-]*\.[\w.]+)"
    r"|--(?:extra-)?index-url|--find-links|\b(?:10|192\.168|172\.(?:1[6-9]|2\d|3[01]))(?:\.\d+){2,3}:\d+"
)
_SPEAKS_OF_NOWHERE = {
    # A made-up secret place that a page must not show.
    "tests/journeys/test_pages.py": "/srv/secret",
}


def places_outside(text: str) -> list[str]:
    return [found[0] for pattern in (_PLACE_OUTSIDE, _REGISTRY) for found in pattern.finditer(text)]


def test_the_repository_names_no_place_outside_itself() -> None:
    """A newcomer's clone stands alone: no directory of somebody's machine, no registry's host, no mirror."""
    hits = []
    for path in tracked():
        if path.parts[:2] == ("tests", "architecture"):
            continue
        try:
            text = (ROOT / path).read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue  # a picture, a certificate
        text = text.replace(_SPEAKS_OF_NOWHERE.get(str(path), "\0"), "")
        hits += [f"{path}: {place}" for place in places_outside(text)]
    assert not hits


@pytest.mark.parametrize(
    "text",
    [
        "open('/srv/main')", "cd /home/somebody/banyan", 'ROOT = "/opt/banyan"', "../shared/ui", "~/banyan/data",
        "https://pypi.org/simple", "registry.npmjs.org", "pypi.tuna.tsinghua.edu.cn", "pip install --index-url x",
        "http://192.168.0.4:3141/root", "/root/.cache", "`/workspace/x`",
    ],
)  # fmt: skip
def test_a_place_outside_would_be_seen(text: str) -> None:
    assert places_outside(text)


@pytest.mark.parametrize(
    "text",
    ["/usr/share/java", "<home>/run", "tests/data/x", "{place}/home/x", "/tmp/x", "docs/work/x", "path /x/work/y"],
)
def test_a_place_inside_or_of_every_system_may_be_named(text: str) -> None:
    assert not places_outside(text)


def test_lock_files_hold_no_address() -> None:
    for path in [*ROOT.glob("requirements/*.txt"), ROOT / "package-lock.json"]:
        assert not re.search(r"https?://[^\s\"]+\.(whl|tgz|tar\.gz)", path.read_text(encoding="utf-8")), path


def test_every_error_has_a_code_of_its_own() -> None:
    """A code names one kind of error, for programs that call us."""
    seen: dict[str, str] = {}
    for path, tree in modules():
        for node in ast.walk(tree):
            if not isinstance(node, ast.ClassDef):
                continue
            for item in node.body:
                if (
                    isinstance(item, ast.Assign | ast.AnnAssign)
                    and _sets(item, "code")
                    and isinstance(item.value, ast.Constant)
                ):
                    code = str(item.value.value)
                    if "." not in code:
                        continue  # the code of something else: a connector, a profile
                    assert code not in seen, f"{code}: {path} and {seen[code]}"
                    seen[code] = str(path)
    assert len(seen) > 20


def _sets(node: ast.Assign | ast.AnnAssign, name: str) -> bool:
    targets = node.targets if isinstance(node, ast.Assign) else [node.target]
    return any(isinstance(target, ast.Name) and target.id == name for target in targets)
