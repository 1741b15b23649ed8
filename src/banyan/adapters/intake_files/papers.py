"""Runs confined: PDF pages drawn by PDFium, which is built without a script engine; no form is opened, no action followed."""

import re
from collections.abc import Iterator
from typing import Final

import pypdfium2 as pdfium
import pypdfium2.raw as pdfium_c
from PIL import Image

from banyan.adapters.intake_files.images import LONGEST, MOST_PAGES, Ending, Unreadable

_DOTS_A_POINT: Final = 200 / 72
_ESCAPED: Final = re.compile(rb"#([0-9A-Fa-f]{2})")
_MARKS: Final = {"script": re.compile(rb"/(JavaScript|JS)\b"), "launch": re.compile(rb"/Launch\b")}


class Paper:
    """A PDF opened."""

    def __init__(self, content: bytes) -> None:
        self._content = content
        try:
            self._document = pdfium.PdfDocument(content)
        except pdfium.PdfiumError as error:
            is_locked = error.err_code == pdfium_c.FPDF_ERR_PASSWORD
            raise Unreadable(Ending.PASSWORD if is_locked else Ending.BROKEN) from error
        self._count = len(self._document)
        if self._count > MOST_PAGES:
            raise Unreadable(Ending.PAGES)

    def pages(self) -> Iterator[Image.Image]:
        """Each page as a picture. Raises Unreadable for a page that cannot be drawn."""
        for number in range(self._count):
            try:
                page = self._document[number]
                longest = max(*page.get_size(), 1)
                bitmap = page.render(
                    scale=min(_DOTS_A_POINT, LONGEST / longest), may_draw_forms=False, rev_byteorder=True
                )
                picture = bitmap.to_pil().convert("RGB")
                bitmap.close()
                page.close()
            except pdfium.PdfiumError as error:
                raise Unreadable(Ending.BROKEN) from error
            yield picture

    def notes(self) -> list[str]:
        """What the file holds besides its pages; nothing of it is shown or done: script, launch, attachment."""
        document = self._document.raw
        plain = _ESCAPED.sub(lambda found: bytes([int(found[1], 16)]), self._content)
        found = [name for name, mark in _MARKS.items() if mark.search(plain)]
        if "script" not in found and pdfium_c.FPDFDoc_GetJavaScriptActionCount(document) > 0:
            found.append("script")
        if pdfium_c.FPDFDoc_GetAttachmentCount(document) > 0 or b"/EmbeddedFile" in plain:
            found.append("attachment")
        return sorted(found)
