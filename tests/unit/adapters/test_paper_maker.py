"""The maker of papers against templates that want out: what they may reach, how long they live, how papers come out."""

import io
import re
import socket
from collections.abc import Iterator
from datetime import date

import pypdf
import pypdfium2
import pytest
import segno

from banyan.adapters.paper_maker.maker import Limits, ProcessMaker
from banyan.domain.papers.errors import PaperMakerDown, TemplateRefused
from banyan.domain.papers.ports import Fault, PaperJob, Values

VALUES: Values = {
    "holder": "测试甲",
    "number": "TY20260302000001",
    "copy": 1,
    "day": date(2026, 3, 2),
    "rows": (("材料一", "未交"), ("材料二", "已交")),
    "qr_text": "TY20260302000001",
}
MM = 25.4 / 72


@pytest.fixture(scope="module")
def maker() -> Iterator[ProcessMaker]:
    with ProcessMaker(Limits(seconds=4, memory=800, output=8)) as made:
        yield made


def job(template: str, *, size: tuple[float, float] = (90, 36)) -> PaperJob:
    return PaperJob(template, [VALUES], {}, *size, 1)


def refused(maker: ProcessMaker, template: str) -> TemplateRefused:
    with pytest.raises(TemplateRefused) as caught:
        maker.make(job(template))
    return caught.value


def read(pdf: bytes) -> pypdf.PdfReader:
    return pypdf.PdfReader(io.BytesIO(pdf))


def text(pdf: bytes) -> str:
    return "".join(page.extract_text() for page in read(pdf).pages)


def test_a_paper_has_its_size_its_page_and_text_that_can_be_read_out(maker: ProcessMaker) -> None:
    pdf = maker.make(
        job(
            "<p>持有人：{{ holder }}，{{ day|day }}</p>{% for name, state in rows %}<p>{{ name }} {{ state }}</p>{% endfor %}"
        )
    )
    (page,) = read(pdf).pages
    assert [round(float(side) * MM) for side in page.mediabox[2:]] == [90, 36]
    assert "持有人：测试甲，2026 年 3 月 2 日" in text(pdf)
    assert "材料二 已交" in text(pdf)
    fonts = page._get_fonts()[0]
    assert all("CJK-SC" in font for font in fonts)  # simplified shapes, not the Japanese ones
    assert fonts


def test_many_copies_come_in_one_pdf_in_their_order(maker: ProcessMaker) -> None:
    copies: list[Values] = [{**VALUES, "holder": f"测试{n}"} for n in "甲乙丙"]
    pdf = maker.make(PaperJob("<p>{{ holder }}</p>", copies, {}, 50, 30, 1))
    assert [page.extract_text().strip() for page in read(pdf).pages] == ["测试甲", "测试乙", "测试丙"]


def test_a_rare_character_shows_as_itself_or_as_its_number_but_never_vanishes(maker: ProcessMaker) -> None:
    values: Values = {**VALUES, "holder": "测试\U00020bb7\U0002b7d5"}
    found = text(maker.make(PaperJob("<p>{{ holder }}</p>", [values], {}, 90, 36, 1)))
    assert found.startswith("测试\U00020bb7")
    assert re.search("\U0002b7d5|〔U\\+2B7D5〕", found)


def test_values_are_text_never_markup(maker: ProcessMaker) -> None:
    values: Values = {**VALUES, "holder": '<img src="file:///etc/passwd">'}
    assert "file:///etc/passwd" in text(maker.make(PaperJob("<p>{{ holder }}</p>", [values], {}, 210, 50, 1)))


ESCAPES = {
    "class access": "\n{{ ''.__class__.__mro__ }}",
    "subclasses": "\n{{ ().__class__.__base__.__subclasses__() }}",
    "attr filter": "\n{{ ''|attr('__class__') }}",
    "globals of a filter": "\n{{ self.__init__.__globals__ }}",
    "globals of a macro": "\n{% macro m() %}{% endmacro %}{{ m.__globals__ }}",
    "generator frame": "\n{{ (x for x in [1]).gi_frame }}",
    "format string": "\n{{ '{0.__class__.__mro__}'.format(holder) }}",
    "format_map": "\n{{ '{a.__class__}'.format_map({'a': holder}) }}",
    "the request": "\n{{ request }}",
    "settings": "\n{{ settings.SECRET_KEY }}",
    "configuration": "\n{{ config }}",
    "an undefined name": "\n{{ holders }}",
    "an undefined part": "\n{{ holder.missing }}",
    "cycler": "\n{{ cycler.__init__.__globals__.os }}",
    "include": "\n{% include '/etc/passwd' %}",
    "import": "\n{% import '/etc/passwd' as x %}",
    "a change of values": "\n{{ rows.append(1) }}",
    "a syntax error": "\n{% if holder %}",
}


@pytest.mark.parametrize("name", ESCAPES)
def test_a_template_reaches_nothing_but_its_values(maker: ProcessMaker, name: str) -> None:
    error = refused(maker, ESCAPES[name])
    assert error.fault in (Fault.FORBIDDEN, Fault.UNDEFINED, Fault.SYNTAX, Fault.FAILED)
    assert error.fields["line"] == 2
    assert error.fields["reason"]


ADDRESSES = {
    "file": '<img src="file:///etc/passwd">',
    "file in a style": "<style>body { background: url(file:///etc/passwd) }</style><p>x",
    "import": '<style>@import "file:///etc/passwd";</style><p>x',
    "import of a relative": '<style>@import "other.css";</style><p>x',
    "stylesheet link": '<link rel="stylesheet" href="file:///etc/passwd"><p>x',
    "attachment": '<link rel="attachment" href="file:///etc/passwd"><p>x',
    "attached anchor": '<a rel="attachment" href="file:///etc/passwd">x</a>',
    "font": "<style>@font-face { font-family: f; src: url(file:///etc/passwd) } p { font-family: f }</style><p>x",
    "drawing with an image": '<svg width="9" height="9"><image href="file:///etc/passwd" width="9" height="9"/></svg>',
    "object": '<object data="file:///etc/passwd"></object>',
    "embed": '<embed src="file:///etc/passwd">',
    "data": "<img src=\"data:image/svg+xml,<svg xmlns='http://www.w3.org/2000/svg'/>\">",
    "relative": '<img src="logo.png">',
    "unknown asset": '<img src="asset:nothing.png">',
    "asset with a path": '<img src="asset:../../etc/passwd">',
    "list image": "<style>li { list-style-image: url(ftp://127.0.0.1/x) }</style><ul><li>x</ul>",
    "content": "<style>p::before { content: url(file:///etc/passwd) }</style><p>x",
    "base": '<base href="file:///etc/"><img src="passwd">',
}


@pytest.mark.parametrize("name", ADDRESSES)
def test_every_address_but_an_asset_by_name_is_refused(maker: ProcessMaker, name: str) -> None:
    assert refused(maker, ADDRESSES[name]).fault is Fault.ADDRESS


@pytest.mark.parametrize("page", [
    '<img src="http://127.0.0.1:{port}/x.png">',
    '<style>@import url(http://127.0.0.1:{port}/x.css);</style><p>x',
    '<svg width="9" height="9"><image href="http://127.0.0.1:{port}/x.svg" width="9" height="9"/></svg>',
])  # fmt: skip
def test_nobody_is_called(maker: ProcessMaker, page: str) -> None:
    """A socket that really listens sees no connection."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0)
        port = server.getsockname()[1]
        error = refused(maker, page.replace("{port}", str(port)))
        assert (error.fault, str(port) in error.fields["reason"]) == (Fault.ADDRESS, True)
        with pytest.raises(BlockingIOError):
            server.accept()


def test_the_kernel_refuses_the_network_to_the_process(maker: ProcessMaker) -> None:
    maker.make(job("<p>x"))
    assert maker.is_confined


BOMBS = {
    "an endless loop": "{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}",
    "an endless page": "{% for a in range(99999) %}{% for b in range(99999) %}<p>测试</p>{% endfor %}{% endfor %}",
    "a number beyond all": "{{ (9 ** 999999999) % 7 }}",
    "text without end": "{% set x = 'x' * 999999999 %}{{ x * 9 }}",
    "text by filters": "{{ 'x'|center(9999999999) }}",
    "recursion": "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}",
}


@pytest.mark.parametrize("name", BOMBS)
def test_what_takes_too_much_is_stopped_and_the_next_paper_comes_as_ever(maker: ProcessMaker, name: str) -> None:
    assert refused(maker, BOMBS[name]).fault is Fault.TOO_MUCH
    assert text(maker.make(job("<p>{{ holder }}</p>"))).strip() == "测试甲"


def test_a_paper_of_another_size_or_of_too_many_pages_is_refused(maker: ProcessMaker) -> None:
    assert refused(maker, "<style>@page { size: A3 }</style><p>x").fault is Fault.SIZE
    assert refused(maker, "<p>x</p>" * 40).fault is Fault.PAGES


def test_each_copy_has_the_qr_code_of_its_own_text(maker: ProcessMaker) -> None:
    """Compared module by module with the matrix of the text, from the drawing in the PDF."""
    template = '<style>img { width: 33mm; position: absolute; top: 0; left: 0 }</style><img src="asset:qr">'
    texts = ["TY20260302000001", "350102T000018"]
    copies: list[Values] = [{**VALUES, "qr_text": text} for text in texts]
    pdf = maker.make(PaperJob(template, copies, {}, 90, 36, 1))
    assert [qr_modules(pdf, page, 33, text) for page, text in enumerate(texts)] == [matrix_of(text) for text in texts]


def matrix_of(text: str) -> list[bytes]:
    return [bytes(row) for row in segno.make(text, error="m", micro=False).matrix_iter(border=4)]


def qr_modules(pdf: bytes, page: int, width_mm: int, text: str) -> list[bytes]:
    """What stands at the middle of each module of a code at the page's upper left corner."""
    document = pypdfium2.PdfDocument(pdf)
    try:
        image = document[page].render(scale=10).to_pil().convert("L")
    finally:
        document.close()
    count = len(matrix_of(text))
    middles = [int((place + 0.5) * width_mm / MM * 10 / count) for place in range(count)]
    dots = image.load()
    return [bytes(dots[x, y] < 128 for x in middles) for y in middles]


def test_a_process_that_died_is_replaced(maker: ProcessMaker) -> None:
    maker.make(job("<p>x"))
    process = maker._process
    assert process is not None
    process.kill()
    process.wait()
    assert maker.make(job("<p>x"))


def test_where_the_process_cannot_be_had_that_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.executable", "/bin/false")
    with ProcessMaker() as broken, pytest.raises(PaperMakerDown):
        broken.make(job("<p>x"))
