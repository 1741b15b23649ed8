"""The quick way of reading a usual request never reads anything but what the careful way reads (F7)."""

import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from banyan.pki import csr, names, oids
from banyan.pki import strict_der as der
from support.small_pki import Sm2Key

SUBJECT = names.encode_name((("C", "CN"), ("O", "测试单位"), ("CN", "申请人")))
KEY = Sm2Key()
INFO = csr.build_info(SUBJECT, KEY.public)
SIGNATURE = KEY.sign(INFO)


def request(parameters: str) -> bytes:
    return csr.assemble(INFO, SIGNATURE, signature_oid=oids.SM2_WITH_SM3, parameters=parameters)  # type: ignore[arg-type]


def is_read_alike(content: bytes) -> bool:
    """Passed on to the careful reading, read as it reads, or refused as it refuses."""
    try:
        quick = csr._parse_usual(content)
    except der.DerError as error:
        with pytest.raises(der.DerError, match=re.escape(str(error))):
            csr._parse_any(content)
        return True
    return quick is None or quick == csr._parse_any(content)


def test_what_tokens_send_is_read_quickly_and_alike() -> None:
    for parameters in ("absent", "null"):
        whole = request(parameters)
        quick = csr._parse_usual(whole)
        assert quick is not None
        assert quick == csr._parse_any(whole)


@example("absent", [(55, 128)])
@example("absent", [(53, 128)])
@given(st.sampled_from(["absent", "null"]), st.lists(st.tuples(st.integers(0, 400), st.integers(0, 255)), max_size=3))
def test_no_changed_request_is_read_quickly_that_is_not_read_carefully_alike(
    parameters: str, changes: list[tuple[int, int]]
) -> None:
    spoilt = bytearray(request(parameters))
    for place, octet in changes:
        spoilt[place % len(spoilt)] = octet
    assert is_read_alike(bytes(spoilt))


@given(st.binary(max_size=120), st.binary(max_size=40))
def test_nothing_around_a_key_makes_it_stumble(before: bytes, after: bytes) -> None:
    content = before + KEY.spki + after
    assert is_read_alike(content)
