"""Files as people hand them in, good and bad, made when they are needed."""

import struct
import zlib
from io import BytesIO

from PIL import Image, ImageDraw

A4 = (595, 842)


def photo(
    size: tuple[int, int] = (600, 400),
    form: str = "JPEG",
    *,
    exif: Image.Exif | None = None,
    mode: str = "RGB",
    **save: object,
) -> bytes:
    """A picture whose upper left quarter is red, the rest blue."""
    image = Image.new(mode, size, "blue" if mode == "RGB" else 255)
    if mode == "RGB":
        image.paste("red", (0, 0, size[0] // 2, size[1] // 2))
    out = BytesIO()
    if exif is not None:
        save["exif"] = exif
    image.save(out, form, **save)
    return out.getvalue()


def turned_photo(orientation: int) -> bytes:
    """As phones write them: stored lying, with a tag that says how to hold it, the place and the maker."""
    exif = Image.Exif()
    exif[0x0112] = orientation
    exif[0x010F] = "SECRETMAKER"
    return photo(exif=exif, comment=b"SECRETCOMMENT")


def tiff(pages: int) -> bytes:
    """A fax: one-bit pages."""
    images = []
    for number in range(pages):
        image = Image.new("1", (200, 280), 1)
        ImageDraw.Draw(image).text((20, 20), f"{number + 1}", fill=0)
        images.append(image)
    out = BytesIO()
    images[0].save(out, "TIFF", save_all=True, append_images=images[1:], compression="group4")
    return out.getvalue()


def pdf(
    pages: int = 1,
    *,
    catalog: bytes = b"",
    objects: tuple[bytes, ...] = (),
    content: bytes = b"",
    size: tuple[int, int] = A4,
) -> bytes:
    """A PDF of pages with their number in large; ``objects`` follow as 5 0, 6 0 …; ``content`` is drawn on each page."""
    first = 5 + len(objects)
    kids = b" ".join(b"%d 0 R" % (first + 2 * number) for number in range(pages))
    parts = [
        b"<< /Type /Catalog /Pages 2 0 R " + catalog + b" >>",
        b"<< /Type /Pages /Kids [" + kids + b"] /Count %d >>" % pages,
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
        b"<< >>",
        *objects,
    ]
    for number in range(pages):
        drawn = b"BT /F1 96 Tf 80 500 Td (%d) Tj ET " % (number + 1) + content
        parts.append(
            b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 %d %d] /Contents %d 0 R "
            b"/Resources << /Font << /F1 3 0 R >> >> >>" % (*size, first + 2 * number + 1)
        )
        parts.append(b"<< /Length %d >>\nstream\n" % len(drawn) + drawn + b"\nendstream")
    return _file(parts)


def _file(parts: list[bytes]) -> bytes:
    out = bytearray(b"%PDF-1.7\n")
    places = []
    for number, part in enumerate(parts, 1):
        places.append(len(out))
        out += b"%d 0 obj\n" % number + part + b"\nendobj\n"
    start = len(out)
    out += b"xref\n0 %d\n0000000000 65535 f \n" % (len(parts) + 1)
    out += b"".join(b"%010d 00000 n \n" % place for place in places)
    out += b"trailer << /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % (len(parts) + 1, start)
    return bytes(out)


def pdf_with_script() -> bytes:
    """One that would like to run something when it is opened."""
    return pdf(catalog=b"/OpenAction << /S /JavaScript /JS (app.alert\\(1\\)) >>")


def pdf_that_launches() -> bytes:
    return pdf(catalog=b"/OpenAction << /S /L#61unch /F (/bin/sh) >>")


def pdf_with_attachment() -> bytes:
    """One that carries another file."""
    names = b"/Names << /EmbeddedFiles << /Names [(a.exe) 5 0 R] >> >>"
    spec = b"<< /Type /Filespec /F (a.exe) /EF << /F 6 0 R >> >>"
    return pdf(catalog=names, objects=(spec, b"<< /Type /EmbeddedFile /Length 2 >>\nstream\nMZ\nendstream"))


def locked_pdf() -> bytes:
    """One that opens with a password only."""
    from pypdf import PdfReader, PdfWriter

    writer = PdfWriter(PdfReader(BytesIO(pdf())))
    writer.encrypt("geheim", algorithm="RC4-128")
    out = BytesIO()
    writer.write(out)
    return out.getvalue()


def pixel_bomb(width: int = 60_000, height: int = 60_000) -> bytes:
    """A PNG of a few kilobytes that says it is 3.6 thousand million pixels."""
    body = zlib.compress(b"\0" * 10_000)
    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", head) + _chunk(b"IDAT", body) + _chunk(b"IEND", b"")


def pdf_bomb() -> bytes:
    """A page whose content unpacks to a hundred thousand times what it takes: deflated twice."""
    plain = b"0 0 m 500 500 l S\n" * 60_000
    once = zlib.compress(plain * 400, 9)
    twice = zlib.compress(once, 9)
    stream = b"<< /Length %d /Filter [/FlateDecode /FlateDecode] >>\nstream\n" % len(twice) + twice + b"\nendstream"
    page = b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R >>"
    return _file([b"<< /Type /Catalog /Pages 2 0 R >>", b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>", page, stream])


def _chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
