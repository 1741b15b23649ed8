"""What @banyan/token promises to those who put it into their pages: old browsers, strict policies, no strings attached (C5)."""

import json
import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TOKEN = ROOT / "web" / "token"
ESBUILD = ROOT / "node_modules" / ".bin" / "esbuild"
OLDEST = "chrome86"
SCRIPTS = ["dist/banyan-token.js", "dist/banyan-token.mjs", "example/example.js"]
# Of what came to Chromium after 86, what one would reach for. The compiler knows no function of the language after ES2020.
NEWER = re.compile(
    r"\.at\(|\.hasOwn\(|structuredClone|\.findLast|\.toSorted|\.toReversed|\.replaceAll\(|randomUUID|AbortSignal\.(timeout|any)|"
    r"withResolvers|\bcause:|reportError|checkVisibility|\.groupBy\(|Uint8Array\.fromBase64|\.toBase64\(|WebSocketStream"
)


def as_for(browser: str, script: str) -> str:
    """The script as a browser of that age must get it."""
    command = [str(ESBUILD), "--loader=js", f"--target={browser}", "--log-level=error"]
    return subprocess.run(command, input=script, capture_output=True, text=True, check=True).stdout


def is_for(browser: str, script: str) -> bool:
    """Nothing in it has to be written differently."""
    return as_for(browser, script) == as_for("esnext", script)


@pytest.fixture(autouse=True)
def _needs_it() -> None:
    if not (TOKEN / "dist" / "banyan-token.js").exists():
        pytest.skip("make setup builds it")


@pytest.mark.parametrize("name", SCRIPTS)
def test_the_oldest_browser_reads_it(name: str) -> None:
    script = (TOKEN / name).read_text(encoding="utf-8")
    assert is_for(OLDEST, script)
    assert not NEWER.search(script)


@pytest.mark.parametrize(
    "script",
    ["class A { static { f(); } }", "x = /a/v;", "const { a } = await import('b'); a(#x in y);", "for (using a of b);"],
)
def test_the_check_would_find_what_is_newer(script: str) -> None:
    try:
        assert not is_for(OLDEST, script)
    except subprocess.CalledProcessError:
        return  # cannot even be written for it


@pytest.mark.parametrize("name", SCRIPTS)
def test_a_strict_policy_suffices(name: str) -> None:
    script = (TOKEN / name).read_text(encoding="utf-8")
    assert not re.search(
        r"\beval\b|new Function|innerHTML|outerHTML|insertAdjacentHTML|document\.write|\.style\b|cssText", script
    )


@pytest.mark.parametrize("name", SCRIPTS[:2])
def test_pages_of_any_encoding_take_it(name: str) -> None:
    assert (TOKEN / name).read_bytes().isascii()


def test_the_example_page_has_nothing_inline() -> None:
    html = (TOKEN / "example" / "index.html").read_text(encoding="utf-8")
    assert "default-src 'none'" in html
    assert "unsafe" not in html
    assert not re.search(r"<style|\sstyle=|\son[a-z]+=|<script(?![^>]*\ssrc=)|https?://(?!localhost)", html)


def test_every_word_of_the_example_page_is_there_in_english() -> None:
    html = (TOKEN / "example" / "index.html").read_text(encoding="utf-8")
    chinese = re.findall(r"<(\w+)([^<>]*)>[^<]*[一-鿿][^<]*<", html)
    assert chinese
    assert not [tag for tag, attributes in chinese if "data-en=" not in attributes and tag != "title"]


def test_it_brings_nothing_along() -> None:
    package = json.loads((TOKEN / "package.json").read_text(encoding="utf-8"))
    assert not [field for field in package if "dependencies" in field.lower()]
    assert package["version"]
    for name in (*package["files"], package["types"], package["exports"]["."]["default"]):
        assert (TOKEN / name).exists(), name


def test_every_call_is_typed_documented_and_has_an_example() -> None:
    types = (TOKEN / "dist" / "types" / "agent.d.ts").read_text(encoding="utf-8")
    body = types[types.index("export declare class TokenAgent") :]
    calls = set(re.findall(r"^ {4}(?:static |get )?(\w+)[(:]", body, re.M)) - {"constructor"}
    assert {"connect", "list", "begin", "prepare", "write", "readBack", "sign", "signLogin", "verify", "open"} <= calls
    assert "any" not in re.findall(r"\w+", re.sub(r"/\*.*?\*/", "", body, flags=re.S))
    examples = "".join(re.findall(r"```js\n(.*?)```", (TOKEN / "README.md").read_text(encoding="utf-8"), re.S))
    assert not [call for call in calls if not re.search(rf"\b{call}\b", examples)]


USE = """import { TokenAgent, TokenAgentError } from "%s";
export async function use(): Promise<Uint8Array> {
  const agent = await TokenAgent.connect({ port: 1 });
  agent.addEventListener("tokens", ({ detail }) => console.log(detail.arrived[0]?.containers[0]?.signingCertificate?.length));
  const key = { profile: "a", serial: "b", container: "c" };
  // @ts-expect-error: what is shown and what is signed would differ
  await agent.sign({ ...key, text: "x", data: new Uint8Array(1), title: "t" });
  // @ts-expect-error: a challenge is octets
  await agent.signLogin({ ...key, challenge: "text" });
  const error: BanyanToken.TokenAgentError = new TokenAgentError("AGENT_CLOSED", "");
  return error.triesLeft === 0 ? new Uint8Array(0) : (await agent.sign({ ...key, text: "x" })).signature;
}
"""


def test_types_help_those_who_use_it(tmp_path: Path) -> None:
    """As a module, and as the script tag's global."""
    (tmp_path / "use.ts").write_text(USE % (TOKEN / "dist" / "types" / "index"))
    options = {"strict": True, "noEmit": True, "target": "ES2020", "module": "ES2020", "moduleResolution": "bundler"}
    options |= {"lib": ["ES2020", "DOM"], "types": [], "allowUmdGlobalAccess": True}
    (tmp_path / "tsconfig.json").write_text(json.dumps({"compilerOptions": options, "files": ["use.ts"]}))
    compiler = ROOT / "node_modules" / "typescript" / "bin" / "tsc"
    done = subprocess.run(["node", str(compiler), "--project", str(tmp_path)], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout


def test_every_own_error_is_in_the_readme() -> None:
    source = (TOKEN / "src" / "own_errors.ts").read_text(encoding="utf-8")
    readme = (TOKEN / "README.md").read_text(encoding="utf-8")
    own = re.findall(r"^  (AGENT_\w+): \[", source, re.M)
    assert len(own) == 10
    assert not [code for code in own if f"`{code}`" not in readme]
