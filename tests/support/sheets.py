"""Workbooks put together by hand, as no program writes them."""

import zipfile
from collections.abc import Mapping
from pathlib import Path

MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
STRICT = "http://purl.oclc.org/ooxml/spreadsheetml/main"
_OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_PACKAGE = "http://schemas.openxmlformats.org/package/2006/relationships"


def crafted(
    path: Path,
    sheet: str,
    *,
    whole: str | bytes = "",
    parts: Mapping[str, str | bytes] | None = None,
    head: str = "",
    level: int = 6,
) -> Path:
    """A workbook whose worksheet holds this XML, or is ``whole``; ``parts`` are sharedStrings.xml, styles.xml and others."""
    parts = parts or {}
    relations = "".join(
        f'<Relationship Id="{name}" Type="{_OFFICE}/{name.split(".")[0]}" Target="{name}"/>' for name in parts
    )
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=level) as archive:
        archive.writestr("[Content_Types].xml", "<Types/>")
        archive.writestr(
            "xl/workbook.xml",
            f'{head}<workbook xmlns="{MAIN}" xmlns:r="{_OFFICE}"><sheets><sheet name="s" sheetId="1" r:id="r1"/></sheets>'
            "</workbook>",
        )
        archive.writestr(
            "xl/_rels/workbook.xml.rels",
            f'<Relationships xmlns="{_PACKAGE}"><Relationship Id="r1" Type="{_OFFICE}/worksheet" '
            f'Target="worksheets/sheet1.xml"/>{relations}</Relationships>',
        )
        archive.writestr(
            "xl/worksheets/sheet1.xml", whole or f'<worksheet xmlns="{MAIN}" xmlns:x="{MAIN}">{sheet}</worksheet>'
        )
        for name, content in parts.items():
            archive.writestr(f"xl/{name}", content)
    return path
