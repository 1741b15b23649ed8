"""Rare characters: one that no font of this machine can draw is told by its number instead of vanishing in a box."""

import ctypes
import ctypes.util
from functools import lru_cache
from typing import Any

_COMMON = range(0x4E00, 0xA000)


def visible(text: str) -> str:
    """The text with every character that cannot be drawn as 〔U+2B7D5〕."""
    if text.isascii() or all(ord(character) in _COMMON for character in text):
        return text
    return "".join(
        character if character.isascii() or ord(character) in _COMMON or is_drawn(character) else _told(character)
        for character in text
    )


def _told(character: str) -> str:
    return f"〔U+{ord(character):04X}〕"


@lru_cache(maxsize=4096)
def is_drawn(character: str) -> bool:
    """Whether any installed font has the character. Where fontconfig cannot be asked, all count as drawn."""
    library = _fontconfig()
    if library is None:
        return True
    pattern, charset, wanted = library.FcPatternCreate(), library.FcCharSetCreate(), library.FcObjectSetCreate()
    try:
        library.FcCharSetAddChar(charset, ord(character))
        library.FcPatternAddCharSet(pattern, b"charset", charset)
        library.FcObjectSetAdd(wanted, b"file")
        found = library.FcFontList(None, pattern, wanted)
        count = ctypes.cast(found, ctypes.POINTER(ctypes.c_int))[0]
        library.FcFontSetDestroy(found)
        return bool(count)
    finally:
        library.FcObjectSetDestroy(wanted)
        library.FcCharSetDestroy(charset)
        library.FcPatternDestroy(pattern)


@lru_cache(maxsize=1)
def _fontconfig() -> Any:
    try:
        library = ctypes.CDLL("libfontconfig.so.1")
    except OSError:
        return None
    pointer = ctypes.c_void_p
    for name in ("FcPatternCreate", "FcCharSetCreate", "FcObjectSetCreate"):
        getattr(library, name).restype = pointer
    library.FcCharSetAddChar.argtypes = [pointer, ctypes.c_uint32]
    library.FcPatternAddCharSet.argtypes = [pointer, ctypes.c_char_p, pointer]
    library.FcObjectSetAdd.argtypes = [pointer, ctypes.c_char_p]
    library.FcFontList.argtypes, library.FcFontList.restype = [pointer, pointer, pointer], pointer
    for name in ("FcFontSetDestroy", "FcObjectSetDestroy", "FcCharSetDestroy", "FcPatternDestroy"):
        getattr(library, name).argtypes = [pointer]
    return library
