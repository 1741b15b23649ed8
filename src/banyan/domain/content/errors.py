"""Errors of notices."""

from banyan.kernel.errors import N_, BanyanError


class StopInvalid(BanyanError):
    """Times or words of a planned stop do not fit together."""

    code = "content.stop_invalid"
    message = N_("停机安排不对：{problem}。改正后再保存。")


class StopNotFound(BanyanError):
    """No such stop, or it is over or called off."""

    code = "content.stop_not_found"
    message = N_("没有这项停机安排，或者它已经结束。")
