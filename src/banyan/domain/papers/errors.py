"""Errors of printed papers."""

from banyan.domain.papers.ports import Fault
from banyan.kernel.errors import N_, BanyanError, ServiceUnavailable


class PapersError(BanyanError):
    """Base of the errors of this package."""


class PaperUnknown(PapersError):
    code = "papers.unknown"
    message = N_("没有这种打印件。回到打印模板一览再选。")


class PaperMakerDown(ServiceUnavailable):
    code = "papers.maker_down"
    message = N_("制作打印件的程序没有应答，没有打印。稍后再试；还不行，请联系运维。")


class TemplateRefused(PapersError):
    """A template did not become a paper: why, and on which line where that is known."""

    code = "papers.template_refused"
    message = N_("模板第 {line} 行：{told}。{reason}")

    def __init__(self, fault: Fault, *, line: int = 0, reason: str = "") -> None:
        super().__init__(line=line, told=fault.told, reason=reason)
        self.fault = fault

    @property
    def template(self) -> str:
        return self.message if self.fields["line"] else N_("模板：{told}。{reason}")


class TemplateTooLarge(PapersError):
    code = "papers.template_too_large"
    message = N_("模板有 {size} 字节，最多 {most} 字节。图片请另外登记，用 asset:名字 引用。")


class TemplateNoText(PapersError):
    code = "papers.template_no_text"
    message = N_("模板不是 UTF-8 文本。请用 UTF-8 编码另存后再上传。")


class AssetNameInvalid(PapersError):
    code = "papers.asset_name"
    message = N_("图片名字只能用小写字母、数字和短横，以 .png 结尾，最多 40 个字。")


class AssetRefused(PapersError):
    code = "papers.asset_refused"
    message = N_("图片不能用：{reason}。请换一张 PNG 或 JPEG 图片。")


class PictureInUse(PapersError):
    code = "papers.picture_in_use"
    message = N_("图片 {name} 正用在“{paper}”里，不能去掉。请先修改那份模板。")


class ChangeWaiting(PapersError):
    code = "papers.change_waiting"
    message = N_("“{name}”已有一份修改在等待确认。请先确认或撤回它。")


class ChangeNotWaiting(PapersError):
    code = "papers.change_not_waiting"
    message = N_("这份修改已不在等待确认。请刷新页面看现在的版本。")


class NothingChanges(PapersError):
    code = "papers.nothing_changes"
    message = N_("与正在使用的版本相同，没有改动。")


class VersionUnknown(PapersError):
    code = "papers.version_unknown"
    message = N_("没有这个版本。请刷新页面再选。")


class PaperNotDue(PapersError):
    """The request has nothing for this paper to say yet."""

    code = "papers.not_due"
    message = N_("申请单 {number} 现在不能打印“{paper}”：{reason}。")


class TooManyPapers(PapersError):
    code = "papers.too_many"
    message = N_("一次最多打印 {most} 份。请分批打印。")


class LetterPrinted(PapersError):
    """The letter with this token's PIN was printed; it is never printed twice."""

    code = "papers.letter_printed"
    message = N_("介质 {token} 的口令信封已打印过，不能再打。信封打坏或遗失的，请更换初始口令后打印新信封。")
    audited_refusal = True


class LetterNotYours(PapersError):
    code = "papers.letter_not_yours"
    message = N_("介质 {token} 不是您制证的，口令信封由制证人打印。")
    audited_refusal = True


class LetterNotDue(PapersError):
    code = "papers.letter_not_due"
    message = N_("介质 {token} 不在“已制证”状态，不能打印口令信封。请先完成制证；已交付的由持有人自行更换口令。")
    audited_refusal = True
