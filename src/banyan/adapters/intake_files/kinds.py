"""What a file is, by how it begins; its name and what the browser says about it do not count."""

from typing import Final

from banyan.kernel.errors import N_

JPEG, PNG, TIFF, PDF = "image/jpeg", "image/png", "image/tiff", "application/pdf"
_BEGINNINGS: Final = (
    (b"\xff\xd8\xff", JPEG),
    (b"\x89PNG\r\n\x1a\n", PNG),
    (b"II*\0", TIFF),
    (b"MM\0*", TIFF),
    (b"%PDF-", PDF),
)
_HEIF_BRANDS: Final = frozenset({b"heic", b"heix", b"hevc", b"heif", b"mif1", b"msf1", b"avif"})
_ENVELOPE: Final = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"


def media_type(start: bytes) -> str:
    """The media type of what we take; empty for anything else. At least 16 bytes of the file are wanted."""
    for beginning, kind in _BEGINNINGS:
        if start.startswith(beginning):
            return kind
    return ""


def why_not(start: bytes) -> str:
    """What to tell people whose file is none of these: a message to translate."""
    if start[4:8] == b"ftyp" and start[8:12] in _HEIF_BRANDS:
        return N_("它是手机的 HEIC 照片。请在手机上另存为 JPG，或重新扫描")
    if start.startswith((b"PK\x03\x04", _ENVELOPE)):
        return N_("它是 Office 文件或压缩包。请另存为 PDF，或解压后上传里面的文件")
    return N_("它的内容不是 JPG、PNG、TIFF 图片或 PDF。请重新扫描，或另存为 PDF")
