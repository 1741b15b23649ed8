"""Runs confined: scans and photos to plain page images; nothing of the file but its pixels goes on."""

from collections.abc import Iterator
from enum import IntEnum
from io import BytesIO
from typing import Final

from PIL import Image, ImageOps

MOST_PIXELS: Final = 50_000_000
MOST_PAGES: Final = 200
LONGEST: Final = 2400  # of a page image: 200 dpi of an A4 page
_LONGEST_THUMBNAIL: Final = 240
_QUALITY: Final = 85
_FORMATS: Final = {"image/jpeg": "JPEG", "image/png": "PNG", "image/tiff": "TIFF"}
_WHITE: Final = (255, 255, 255)


class Ending(IntEnum):
    """How the process ends when it cannot make pages; whatever else it dies of counts as too much."""

    BROKEN = 10
    PIXELS = 11
    PAGES = 12
    PASSWORD = 13
    TOO_MUCH = 14
    EMPTY = 15


class Unreadable(Exception):
    """The file cannot be taken; ``ending`` says why."""

    def __init__(self, ending: Ending) -> None:
        super().__init__(ending.name)
        self.ending = ending


def pages(content: bytes, kind: str) -> Iterator[Image.Image]:
    """Each page, upright, in RGB or grey, at most LONGEST pixels long. Raises Unreadable, and whatever Pillow raises."""
    Image.MAX_IMAGE_PIXELS = MOST_PIXELS
    name = _FORMATS[kind]
    with Image.open(BytesIO(content), formats=["JPEG", "MPO"] if name == "JPEG" else [name]) as image:
        if name != "TIFF":  # a second picture in a JPEG is a preview or a depth map
            yield _page(image)
            return
        for number in range(MOST_PAGES + 1):
            try:
                image.seek(number)
            except EOFError:
                return
            if number == MOST_PAGES:
                raise Unreadable(Ending.PAGES)
            yield _page(image)


def encoded(page: Image.Image) -> tuple[bytes, bytes]:
    """A page and its thumbnail as JPEG without metadata."""
    small = page.copy()
    small.thumbnail((_LONGEST_THUMBNAIL, _LONGEST_THUMBNAIL))
    return _jpeg(page), _jpeg(small)


def _page(image: Image.Image) -> Image.Image:
    if image.width * image.height > MOST_PIXELS:
        raise Unreadable(Ending.PIXELS)
    image.draft("RGB", (LONGEST, LONGEST))  # a large JPEG is decoded at a half or a quarter
    image.load()
    turned = ImageOps.exif_transpose(image)
    if turned.mode in ("L", "RGB", "CMYK"):  # the others cannot be made smaller as they are
        turned.thumbnail((LONGEST, LONGEST))
    plain = _plain(turned)
    plain.thumbnail((LONGEST, LONGEST))
    return plain


def _plain(image: Image.Image) -> Image.Image:
    """As RGB or grey; what is transparent lies on white."""
    if image.mode in ("L", "RGB"):
        return image
    if image.mode == "1":
        return image.convert("L")
    if image.mode.startswith("I;16"):
        return image.point(lambda value: value * (1 / 256)).convert("L")
    if image.mode in ("RGBA", "LA", "PA") or "transparency" in image.info:
        over = image.convert("RGBA")
        ground = Image.new("RGB", over.size, _WHITE)
        ground.paste(over, mask=over.getchannel("A"))
        return ground
    return image.convert("RGB")


def _jpeg(image: Image.Image) -> bytes:
    image.info.clear()  # a comment would be written again
    out = BytesIO()
    image.save(out, "JPEG", quality=_QUALITY)
    return out.getvalue()
