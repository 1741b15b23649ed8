"""Why a change of the rulebook is not taken. Each error says what is wrong and what to do."""

from typing import Any

from banyan.kernel.errors import N_, BanyanError


class RulebookError(BanyanError):
    """Base of the errors of this package."""

    code = "rulebook.error"


class DocumentUnknown(RulebookError):
    """There is nothing of that name to set."""

    code = "rulebook.document_unknown"
    message = N_("没有名为 {document} 的设置。请从“设置”页进入。")


class SettingRefused(RulebookError):
    """A value that cannot stand. ``place`` names the field of the form."""

    code = "rulebook.setting_refused"
    message = N_("这一项不合要求。")

    def __init__(self, place: str, reason: str, **fields: Any) -> None:
        super().__init__(**fields)
        self.place = place
        self._reason = reason

    @property
    def template(self) -> str:
        return self._reason


class NothingChanged(RulebookError):
    """What was asked for is what stands."""

    code = "rulebook.nothing_changed"
    message = N_("内容与现行版本相同，没有需要复核的修改。")


class ChangedBefore(RulebookError):
    """Another change of the same document took effect in between."""

    code = "rulebook.changed_before"
    message = N_("这份设置在申请之后已有新的版本。请撤回后，按现行版本重新提出。")


class ReasonMissing(RulebookError):
    """A change says why."""

    code = "rulebook.reason_missing"
    message = N_("请写明修改的原因，复核的人要看。")


class EffectiveTooEarly(RulebookError):
    """A change cannot begin before it is decided."""

    code = "rulebook.effective_too_early"
    message = N_("生效日期已经过去。请填今天以后的日期；空着表示复核后立即生效。")
