"""Reasons to pick from when a request is rejected or a field is marked; whoever decides may add words of their own."""

from typing import Final

from banyan.kernel.errors import N_

REJECTION: Final = (
    N_("材料与申请内容不符"),
    N_("材料看不清或已过期"),
    N_("公章或签字不符合要求"),
    N_("申请人不具备申请资格"),
    N_("持有人已有同类证书"),
    N_("重复申请"),
)
DIFFERENCE: Final = (
    N_("与材料不一致"),
    N_("漏录"),
    N_("材料看不清，须重新扫描"),
    N_("录入位置不对"),
)


def joined(picked: str, text: str, known: tuple[str, ...]) -> str:
    """A reason as it is stored: the one picked, then the words added."""
    return "；".join(part for part in (picked if picked in known else "", " ".join(text.split())) if part)
