"""Pictures for papers: whatever is handed in is decoded and written anew, so that nothing but pixels is kept."""

import io
import re
from typing import Final

from PIL import Image, ImageOps, UnidentifiedImageError

from banyan.domain.papers.errors import AssetNameInvalid, AssetRefused
from banyan.kernel.errors import N_

LARGEST_FILE: Final = 200 * 1024
_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,35}\.png")
_LONGEST_SIDE: Final = 2000
_FORMATS: Final = ("PNG", "JPEG")


def name_of(text: str) -> str:
    """A picture's name. Raises AssetNameInvalid."""
    name = text.strip()
    if not _NAME.fullmatch(name):
        raise AssetNameInvalid
    return name


def encoded_anew(content: bytes) -> bytes:
    """The picture as a fresh PNG. Raises AssetRefused.

    Only two kinds are tried, and the size is read from the head before a single pixel is decoded.
    """
    if not 0 < len(content) <= LARGEST_FILE:
        raise AssetRefused(reason=N_("文件为空或超过 200 KB"))
    try:
        with Image.open(io.BytesIO(content), formats=_FORMATS) as picture:
            if max(picture.size) > _LONGEST_SIDE:
                raise AssetRefused(reason=N_("宽或高超过 2000 像素"))
            upright = ImageOps.exif_transpose(picture).convert("RGBA")
    except (UnidentifiedImageError, OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise AssetRefused(reason=N_("文件损坏，或不是 PNG、JPEG")) from error
    fresh = Image.new("RGBA", upright.size)
    fresh.paste(upright)
    out = io.BytesIO()
    fresh.save(out, "PNG", optimize=True)
    return out.getvalue()
