"""The one error tree of the product.

An error carries a stable ``code`` for programs, a Chinese message template for people (translated once by each
interface) and the ``fields`` that fill it. Fields never hold a protected value in clear.
"""

from typing import Any, ClassVar


def N_(message: str) -> str:  # noqa: N802  (the conventional name that xgettext looks for)
    """Mark a message for translation without translating it here."""
    return message


class BanyanError(Exception):
    """Base of every error that a person or a calling program is meant to understand.

    Subclasses set ``code`` (``package.reason``) and ``message`` (what happened, then what to do).
    """

    code: ClassVar[str] = "banyan.error"
    message: ClassVar[str] = N_("操作没有完成。")

    def __init__(self, **fields: Any) -> None:
        super().__init__(fields)
        self.fields = fields

    @property
    def template(self) -> str:
        """The untranslated message template."""
        return self.message

    def __str__(self) -> str:
        return fill(self.template, self.fields)


class RemoteError(BanyanError):
    """An error raised in another process of ours and brought back over the socket."""

    def __init__(self, code: str, template: str, fields: dict[str, Any]) -> None:
        super().__init__(**fields)
        self.code = code  # type: ignore[misc]  # the far side's code is only known here
        self._template = template

    @property
    def template(self) -> str:
        return self._template


class ServiceUnavailable(BanyanError):
    """A process or service of ours does not answer."""

    code = "kernel.service_unavailable"
    message = N_("{service} 没有应答。先用 banyan run 启动它，再重试。")


def fill(template: str, fields: dict[str, Any]) -> str:
    """Fill a message template; a missing field shows as its name rather than hiding the message."""

    class Lenient(dict[str, Any]):
        def __missing__(self, key: str) -> str:
            return "{" + key + "}"

    return template.format_map(Lenient(fields))
