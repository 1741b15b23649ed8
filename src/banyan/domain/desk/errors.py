"""Errors of the desk."""

from banyan.kernel.errors import N_, BanyanError


class DraftTooLarge(BanyanError):
    """More than a form holds."""

    code = "desk.draft_too_large"
    message = N_("填写的内容太多，没有暂存。请先保存再继续。")


class ChangedMeanwhile(BanyanError):
    """The page showed an older state of the request than it has now."""

    code = "desk.changed_meanwhile"
    message = N_("申请单 {number} 在您打开之后被 {who} 于 {at} 改动过。看过新的内容后再办理，您填写的内容还在。")
