"""DER of signatures and ciphertexts: one form each, every other refused (GM/T 0009 §7); decoders never crash."""

from typing import Any, ClassVar

import pytest
from asn1crypto import core
from hypothesis import given, settings
from hypothesis import strategies as st

from banyan import gm
from banyan.gm import der, selection

halves = st.integers(1, (1 << 256) - 1).map(lambda number: number.to_bytes(32, "big"))
engine = selection.engine("openssl")


class _Signature(core.Sequence):  # type: ignore[misc]
    _fields: ClassVar[list[Any]] = [("r", core.Integer), ("s", core.Integer)]


@settings(deadline=None)
@given(r=halves, s=halves)
def test_signatures_are_what_another_library_writes(r: bytes, s: bytes) -> None:
    made = der.signature_to_der(r + s)
    assert made == _Signature({"r": int.from_bytes(r, "big"), "s": int.from_bytes(s, "big")}).dump()
    assert der.signature_from_der(made) == r + s
    assert engine.signatures_to_der(r + s) == [made]
    assert engine.signatures_from_der([made]) == (r + s, [True])


@settings(deadline=None)
@given(x=halves, y=halves, digest=st.binary(min_size=32, max_size=32), text=st.binary(min_size=1, max_size=400))
def test_ciphertexts_there_and_back(x: bytes, y: bytes, digest: bytes, text: bytes) -> None:
    raw = b"\x04" + x + y + digest + text
    assert der.ciphertext_from_der(der.ciphertext_to_der(raw)) == raw


@given(r=halves, s=halves, data=st.data())
@settings(max_examples=300, deadline=None)
def test_one_changed_octet_is_another_signature_or_none(r: bytes, s: bytes, data: st.DataObject) -> None:
    made = bytearray(der.signature_to_der(r + s))
    at = data.draw(st.integers(0, len(made) - 1))
    made[at] = data.draw(st.integers(0, 255))
    _agree(bytes(made))


@given(st.binary(max_size=90))
@settings(max_examples=500, deadline=None)
def test_both_signature_decoders_agree_on_anything(octets: bytes) -> None:
    _agree(octets)
    _agree(b"\x30" + bytes([max(0, len(octets) - 2) & 0xFF]) + octets[2:])


def _agree(octets: bytes) -> None:
    """The decoder in Python and the one in C accept the same, and what is accepted has one form only."""
    raw, (accepted,) = engine.signatures_from_der([octets])
    try:
        assert der.signature_from_der(octets) == raw
    except gm.DerError:
        assert not accepted
    else:
        assert accepted
        assert der.signature_to_der(raw) == octets


@given(st.binary(max_size=300))
@settings(max_examples=500, deadline=None)
def test_the_ciphertext_decoder_takes_one_form_or_refuses(octets: bytes) -> None:
    for candidate in (octets, b"\x30" + bytes([len(octets) & 0x7F]) + octets):
        try:
            raw = der.ciphertext_from_der(candidate)
        except gm.DerError:
            continue
        assert der.ciphertext_to_der(raw) == candidate


@pytest.mark.parametrize(
    ("octets", "why"),
    [
        ("", "empty"),
        ("3006020100020101", "zero r"),
        ("3006020101020100", "zero s"),
        ("30060201ff020101", "negative"),
        ("300702020001020101", "not minimal"),
        ("300602010102010100", "trailing octet"),
        ("30070201010201010000", "trailing inside and out"),
        ("308106020101020101", "long form of a short length"),
        ("3080020101020101", "indefinite length"),
        ("3106020101020101", "SET"),
        ("3006020101040101", "OCTET STRING"),
        ("3003020101", "one integer"),
        ("3009020101020101020101", "three integers"),
        ("3027022201" + "00" * 33 + "020101", "257 bits"),
        ("30060201010201", "cut"),
        ("300602000201010201", "empty integer"),
    ],
)
def test_malformed_signatures(octets: str, why: str) -> None:
    with pytest.raises(gm.DerError):
        der.signature_from_der(bytes.fromhex(octets))
    assert engine.signatures_from_der([bytes.fromhex(octets)])[1] == [False], why


def test_malformed_ciphertexts() -> None:
    good = der.ciphertext_to_der(b"\x04" + bytes(31) + b"\1" + bytes(31) + b"\2" + bytes(32) + b"text")
    assert der.ciphertext_from_der(good)[-4:] == b"text"
    for bad in (good[:-1], good + b"\0", b"\x31" + good[1:], good.replace(b"\x04\x20", b"\x04\x1f", 1), b"0", b""):
        with pytest.raises(gm.DerError):
            der.ciphertext_from_der(bad)
    for raw in (b"", bytes(200), b"\x04" + bytes(96)):
        with pytest.raises(gm.DerError):
            der.ciphertext_to_der(raw)
    with pytest.raises(gm.LengthInvalid):
        der.signature_to_der(bytes(63))
