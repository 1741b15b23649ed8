"""Put web assets from npm and our token library where the product serves them; cut the icon sprite down to the icons used."""

import re
import shutil
from pathlib import Path

ROOT = Path(__file__).parents[1]
WEB = ROOT / "src" / "banyan" / "web"
VENDOR = WEB / "static" / "vendor"
FILES = {
    "bootstrap/dist/css/bootstrap.min.css": "bootstrap.min.css",
    "htmx.org/dist/htmx.min.js": "htmx.min.js",
    "@alpinejs/csp/dist/cdn.min.js": "alpine-csp.min.js",
    "echarts/dist/echarts.min.js": "echarts.min.js",
}
TOKEN_LIBRARY = ROOT / "web" / "token" / "dist"
SYMBOL = re.compile(r'<symbol id="tabler-([a-z0-9-]+)".*?</symbol>', re.S)


def main() -> None:
    modules = ROOT / "node_modules"
    VENDOR.mkdir(parents=True, exist_ok=True)
    for source, target in FILES.items():
        # The files are served as they are: their references to source maps we do not ship would be dead links.
        text = (modules / source).read_text(encoding="utf-8")
        (VENDOR / target).write_text(re.sub(r"(?m)^(//|/\*)# sourceMappingURL=.*$", "", text), encoding="utf-8")
    for name in ("banyan-token.js", "banyan-token.mjs"):
        shutil.copyfile(TOKEN_LIBRARY / name, VENDOR / name)
    wanted = set((WEB / "icons.txt").read_text(encoding="utf-8").split())
    sprite = (modules / "@tabler/icons-sprite/dist/tabler-sprite.svg").read_text(encoding="utf-8")
    found = {match[1]: match[0] for match in SYMBOL.finditer(sprite) if match[1] in wanted}
    if missing := wanted - set(found):
        raise SystemExit(f"icons named in icons.txt that the sprite has not: {', '.join(sorted(missing))}")
    body = "\n".join(found[name] for name in sorted(found))
    (VENDOR / "icons.svg").write_text(f'<svg xmlns="http://www.w3.org/2000/svg">\n{body}\n</svg>\n', encoding="utf-8")
    shutil.copyfile(ROOT / "node_modules/bootstrap/LICENSE", VENDOR / "bootstrap.LICENSE")
    put_example()


def put_example() -> None:
    """The token library's example page with all that it loads: a directory that any server can serve."""
    place = TOKEN_LIBRARY / "example"
    shutil.copytree(ROOT / "web" / "token" / "example", place, dirs_exist_ok=True)
    ours = WEB / "static" / "banyan"
    for source in (
        VENDOR / "bootstrap.min.css", VENDOR / "icons.svg", ours / "tokens.css", ours / "mark.svg",
        TOKEN_LIBRARY / "banyan-token.js",
    ):  # fmt: skip
        shutil.copyfile(source, place / source.name)


main()
