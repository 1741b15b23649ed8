"""Write ``docs/rights.md`` from the one table of roles and rights; with ``--check`` fail when the file says otherwise."""

import sys
from collections.abc import Iterator
from pathlib import Path

import django
from django.conf import settings

ROOT = Path(__file__).parents[1]
DOCUMENT = ROOT / "docs" / "rights.md"


def lines() -> Iterator[str]:
    """The document, line by line."""
    from banyan.domain.iam.right_names import RIGHTS
    from banyan.domain.iam.rights import DUAL_KINDS, ROLE_NAMES, ROLE_RIGHTS

    yield "# 权限表 · Roles and rights"
    yield ""
    yield "Written by `scripts/write_rights.py` from `src/banyan/domain/iam/rights.py`; `make check` compares. Do not edit."
    yield ""
    yield f"| 权限 | {' | '.join(ROLE_NAMES.values())} |"
    yield "|---|" + "---|" * len(ROLE_NAMES)
    for right, name in RIGHTS.items():
        marks = " | ".join("✓" if right in ROLE_RIGHTS[role] else " " for role in ROLE_NAMES)
        yield f"| {name} `{right}` | {marks} |"
    yield ""
    yield "## 要两个人的事 · What takes two people"
    yield ""
    yield "| 事项 | 谁申请 | 谁确认 |"
    yield "|---|---|---|"
    for kind, one in DUAL_KINDS.items():
        yield f"| {one.title} `{kind}` | {RIGHTS[one.request_right]} | {RIGHTS[one.confirm_right]} |"


def main() -> int:
    """Write or compare."""
    if not settings.configured:
        settings.configure(USE_I18N=False)
        django.setup()
    text = "\n".join(lines()) + "\n"
    if "--check" not in sys.argv:
        DOCUMENT.write_text(text)
        return 0
    if DOCUMENT.exists() and DOCUMENT.read_text() == text:
        return 0
    print("docs/rights.md is not what the table says: run scripts/write_rights.py")  # noqa: T201
    return 1


sys.exit(main())
