"""Filling a template in a sandbox and laying it out: from text and plain values to a PDF, or where it is wrong."""

import logging
import traceback
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

from jinja2 import StrictUndefined, TemplateSyntaxError, UndefinedError
from jinja2.exceptions import SecurityError, TemplateError
from jinja2.sandbox import ImmutableSandboxedEnvironment
from weasyprint import CSS, HTML
from weasyprint.text.fonts import FontConfiguration

from banyan.adapters.paper_maker.assets import NOWHERE, AddressRefused, AssetFetcher
from banyan.adapters.paper_maker.glyphs import visible

_TEMPLATE: Final = "<template>"
_LONGEST_HTML: Final = 4 << 20
_PX_A_MM: Final = 96 / 25.4
_TOLERANCE_MM: Final = 0.5
_LONGEST_REASON: Final = 300
_FONTS: Final = '"Noto Sans CJK SC", "Source Han Sans SC", "Noto Serif CJK SC", sans-serif'


class TemplateFault(Exception):
    """A template cannot be made a paper. ``code`` is one of ``domain.papers.ports.Fault``, ``line`` 0 when unknown."""

    def __init__(self, code: str, line: int = 0, reason: str = "") -> None:
        super().__init__(code)
        self.code, self.line, self.reason = code, line, reason[:_LONGEST_REASON]


@dataclass(frozen=True)
class Sheet:
    """How a paper has to come out."""

    width_mm: float
    height_mm: float
    most_pages: int


def make(template: str, copies: Sequence[Mapping[str, Any]], assets: Mapping[str, bytes], sheet: Sheet) -> bytes:
    """One PDF with a paper for each of ``copies``. Raises TemplateFault."""
    logging.getLogger("weasyprint").setLevel(logging.CRITICAL)
    compiled = _compiled(template)
    fonts = FontConfiguration()
    # One fetcher for all: only the QR code differs from copy to copy, and it is loaded while its copy is laid out.
    fetcher = AssetFetcher(assets)
    documents, html = [], ""
    try:
        for values in copies:
            html = _filled(compiled, values)
            fetcher.qr_text = str(values.get("qr_text", ""))
            documents.append(_laid_out(html, fetcher, sheet, fonts))
        pages = [page for document in documents for page in document.pages]
        pdf: bytes = documents[0].copy(pages).write_pdf()
    except AddressRefused as error:
        raise _address_fault(html, error) from error
    except (ValueError, TypeError, LookupError, ArithmeticError, AttributeError, AssertionError, OSError) as error:
        raise TemplateFault("layout", 0, f"{type(error).__name__}: {error}") from error
    if fetcher.refused is not None:
        raise _address_fault(html, fetcher.refused)
    return pdf


def _address_fault(html: str, error: AddressRefused) -> TemplateFault:
    return TemplateFault("address", _line_of(html, error.url), error.url)


def _compiled(template: str) -> Any:
    environment = ImmutableSandboxedEnvironment(autoescape=True, undefined=StrictUndefined, auto_reload=False)
    environment.globals = {"range": environment.globals["range"]}
    environment.filters |= {"day": _day, "grouped": _grouped}
    try:
        return environment.from_string(template)
    except TemplateSyntaxError as error:
        raise TemplateFault("syntax", error.lineno, error.message or "") from error
    except RecursionError as error:
        raise TemplateFault("too_much") from error


def _filled(compiled: Any, values: Mapping[str, Any]) -> str:
    try:
        parts, size = [], 0
        for part in compiled.generate(_drawable(values)):
            size += len(part)
            if size > _LONGEST_HTML:
                raise TemplateFault("too_much")
            parts.append(part)
        return "".join(parts)
    except SecurityError as error:
        raise TemplateFault("forbidden", _line(error), str(error)) from error
    except UndefinedError as error:
        raise TemplateFault("undefined", _line(error), str(error)) from error
    except (TemplateError, ArithmeticError, LookupError, TypeError, ValueError, AttributeError) as error:
        raise TemplateFault("failed", _line(error), f"{type(error).__name__}: {error}") from error
    except RecursionError as error:
        raise TemplateFault("too_much") from error


def _laid_out(html: str, fetcher: AssetFetcher, sheet: Sheet, fonts: Any) -> Any:
    # Below every rule of the template: what holds when it says nothing.
    default = CSS(
        string=f"@page {{ size: {sheet.width_mm}mm {sheet.height_mm}mm; margin: 0 }} html {{ font-family: {_FONTS} }}",
        url_fetcher=fetcher, base_url=NOWHERE, font_config=fonts,
    )  # fmt: skip
    page = HTML(string=html, url_fetcher=fetcher, base_url=NOWHERE)
    if not page.etree_element.get("lang"):
        page.etree_element.set("lang", "zh-CN")  # otherwise Japanese shapes are chosen
    document = page.render(stylesheets=[default], font_config=fonts)
    _ensure_fits(document.pages, sheet)
    return document


def _ensure_fits(pages: Sequence[Any], sheet: Sheet) -> None:
    if not 1 <= len(pages) <= sheet.most_pages:
        raise TemplateFault("pages", 0, f"{len(pages)} > {sheet.most_pages}")
    for page in pages:
        width, height = page.width / _PX_A_MM, page.height / _PX_A_MM
        if abs(width - sheet.width_mm) > _TOLERANCE_MM or abs(height - sheet.height_mm) > _TOLERANCE_MM:
            raise TemplateFault("size", 0, f"{width:.0f} × {height:.0f} mm")


def _line(error: BaseException) -> int:
    """Where in the template an error arose: the innermost of its lines on the way."""
    lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == _TEMPLATE]
    return (lines[-1] or 0) if lines else 0


def _line_of(html: str, url: str) -> int:
    """Where an address stands in the filled text; 0 where it was put together from parts."""
    place = html.find(url) if url else -1
    return html.count("\n", 0, place) + 1 if place >= 0 else 0


def _drawable(value: Any) -> Any:
    """Values with what no font can draw told by its number."""
    if isinstance(value, str):
        return visible(value)
    if isinstance(value, Mapping):
        return {key: _drawable(one) for key, one in value.items()}
    return tuple(_drawable(one) for one in value) if isinstance(value, tuple) else value


def _day(value: date | str) -> str:
    """A day as papers write it; what is no day stands as it is."""
    return f"{value.year} 年 {value.month} 月 {value.day} 日" if isinstance(value, date) else str(value)


def _grouped(text: str, size: int = 4) -> str:
    """A long number in groups."""
    size = max(1, int(size))
    return " ".join(text[start : start + size] for start in range(0, len(text), size))
