"""Builds wps.xlsx in the structure that WPS Office writes; run once, the result is committed beside it."""

import zipfile
from pathlib import Path
from xml.sax.saxutils import escape

from banyan.cli import sample

_HEAD = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\r\n'
_MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_PACKAGE = "http://schemas.openxmlformats.org/package/2006/relationships"
_TYPES = "application/vnd.openxmlformats-officedocument.spreadsheetml"
_RESERVED = "WpsReserved_CellImgList"


def _sheet(rows: list[list[str]], texts: dict[str, int]) -> str:
    lines = []
    for number, row in enumerate(rows, 1):
        cells = "".join(
            f'<c r="{chr(65 + column)}{number}" s="1" t="s"><v>{texts.setdefault(value, len(texts))}</v></c>'
            if value
            else f'<c r="{chr(65 + column)}{number}" s="1"/>'
            for column, value in enumerate(row)
        )
        lines.append(
            f'<row r="{number}" spans="1:{len(row)}" ht="14.25" customHeight="1" x14ac:dyDescent="0.15">{cells}</row>'
        )
    last = f"{chr(64 + len(rows[0]))}{len(rows)}"
    return (
        f'<worksheet xmlns="{_MAIN}" xmlns:r="{_OFFICE}" '
        'xmlns:xdr="http://schemas.openxmlformats.org/drawingml/2006/spreadsheetDrawing" '
        'xmlns:x14="http://schemas.microsoft.com/office/spreadsheetml/2009/9/main" '
        'xmlns:mc="http://schemas.openxmlformats.org/markup-compatibility/2006" mc:Ignorable="x14ac" '
        'xmlns:x14ac="http://schemas.microsoft.com/office/spreadsheetml/2009/9/ac" '
        'xmlns:etc="http://www.wps.cn/officeDocument/2017/etCustomData">'
        f'<sheetPr/><dimension ref="A1:{last}"/><sheetViews><sheetView tabSelected="1" workbookViewId="0">'
        f'<selection activeCell="A1" sqref="A1"/></sheetView></sheetViews><sheetFormatPr defaultColWidth="9" '
        f'defaultRowHeight="13.5"/><cols><col min="1" max="{len(rows[0])}" width="18" style="1" customWidth="1"/></cols>'
        f"<sheetData>{''.join(lines)}</sheetData>"
        f'<autoFilter ref="A1:{last}" etc:filterBottomFollowUsedRange="0"><extLst/></autoFilter>'
        '<pageMargins left="0.75" right="0.75" top="1" bottom="1" header="0.5" footer="0.5"/><headerFooter/></worksheet>'
    )


def _texts(texts: dict[str, int]) -> str:
    """Names carry their reading and runs of two fonts, as WPS keeps them when a cell was pasted."""
    items = []
    for text in texts:
        if text.startswith("测试") and len(text) == 3:
            items.append(
                f'<si><r><rPr><sz val="11"/><rFont val="宋体"/><charset val="134"/></rPr><t>{text[:2]}</t></r>'
                f'<r><rPr><sz val="11"/><rFont val="仿宋"/><charset val="134"/></rPr><t>{text[2:]}</t></r>'
                f'<rPh sb="0" eb="3"><t>ce shi</t></rPh><phoneticPr fontId="1" type="noConversion"/></si>'
            )
        else:
            items.append(
                f'<si><t xml:space="preserve">{escape(text)}</t><phoneticPr fontId="1" type="noConversion"/></si>'
            )
    return f'<sst xmlns="{_MAIN}" count="{len(items)}" uniqueCount="{len(items)}">{"".join(items)}</sst>'


def make(path: Path) -> None:
    """Write the workbook."""
    rows = sample.sheet_rows(10)[:10]
    titles = list(dict.fromkeys(title for row in rows for title in row))
    texts: dict[str, int] = {}
    sheet = _sheet([titles, *([row.get(title, "") for title in titles] for row in rows)], texts)
    members = {
        "[Content_Types].xml": '<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">'
        '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
        '<Default Extension="xml" ContentType="application/xml"/>'
        f'<Override PartName="/xl/workbook.xml" ContentType="{_TYPES}.sheet.main+xml"/>'
        f'<Override PartName="/xl/worksheets/sheet1.xml" ContentType="{_TYPES}.worksheet+xml"/>'
        f'<Override PartName="/xl/worksheets/sheet2.xml" ContentType="{_TYPES}.worksheet+xml"/>'
        f'<Override PartName="/xl/sharedStrings.xml" ContentType="{_TYPES}.sharedStrings+xml"/>'
        f'<Override PartName="/xl/styles.xml" ContentType="{_TYPES}.styles+xml"/></Types>',
        "_rels/.rels": f'<Relationships xmlns="{_PACKAGE}"><Relationship Id="rId1" Type="{_OFFICE}/officeDocument" '
        'Target="xl/workbook.xml"/></Relationships>',
        "docProps/custom.xml": '<Properties xmlns="http://schemas.openxmlformats.org/officeDocument/2006/custom-properties" '
        'xmlns:vt="http://schemas.openxmlformats.org/officeDocument/2006/docPropsVTypes"><property '
        'fmtid="{D5CDD505-2E9C-101B-9397-08002B2CF9AE}" pid="2" name="KSOProductBuildVer"><vt:lpwstr>2052-12.1.0.16729'
        "</vt:lpwstr></property></Properties>",
        "xl/workbook.xml": f'<workbook xmlns="{_MAIN}" xmlns:r="{_OFFICE}"><fileVersion appName="xl" lastEdited="3" '
        'lowestEdited="5" rupBuild="9302"/><workbookPr/><bookViews><workbookView windowWidth="28800" windowHeight="12375"/>'
        f'</bookViews><sheets><sheet name="申请" sheetId="1" r:id="rId1"/><sheet name="{_RESERVED}" sheetId="2" '
        'state="veryHidden" r:id="rId2"/></sheets><calcPr calcId="144525"/></workbook>',
        "xl/_rels/workbook.xml.rels": f'<Relationships xmlns="{_PACKAGE}">'
        f'<Relationship Id="rId4" Type="{_OFFICE}/sharedStrings" Target="sharedStrings.xml"/>'
        f'<Relationship Id="rId3" Type="{_OFFICE}/styles" Target="styles.xml"/>'
        f'<Relationship Id="rId2" Type="{_OFFICE}/worksheet" Target="worksheets/sheet2.xml"/>'
        f'<Relationship Id="rId1" Type="{_OFFICE}/worksheet" Target="worksheets/sheet1.xml"/></Relationships>',
        "xl/styles.xml": f'<styleSheet xmlns="{_MAIN}"><numFmts count="1"><numFmt numFmtId="176" formatCode="'
        'yyyy&quot;年&quot;m&quot;月&quot;d&quot;日&quot;;@"/></numFmts><fonts count="1"><font><sz val="11"/><name val="宋体"/>'
        '<charset val="134"/></font></fonts><fills count="1"><fill><patternFill patternType="none"/></fill></fills>'
        '<borders count="1"><border/></borders><cellStyleXfs count="1"><xf numFmtId="0"/></cellStyleXfs>'
        '<cellXfs count="2"><xf numFmtId="0"/><xf numFmtId="49" applyNumberFormat="1"/></cellXfs>'
        '<cellStyles count="1"><cellStyle name="常规" xfId="0" builtinId="0"/></cellStyles></styleSheet>',
        "xl/worksheets/sheet1.xml": sheet,
        "xl/worksheets/sheet2.xml": f'<worksheet xmlns="{_MAIN}"><sheetPr/><sheetData/></worksheet>',
        "xl/sharedStrings.xml": _texts(texts),
    }
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(zipfile.ZipInfo(name, (2026, 1, 1, 0, 0, 0)), _HEAD + content, zipfile.ZIP_DEFLATED)


if __name__ == "__main__":
    make(Path(__file__).with_name("wps.xlsx"))
