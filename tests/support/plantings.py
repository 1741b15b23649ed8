"""Bad moving parts, at least one for each rule of the lint: a sound row and how to spoil it.

Planted into batches given to the lint itself, and into what the signer is about to sign.
"""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import NamedTuple

from banyan import gm
from banyan.pki import names
from banyan.pki import strict_der as der
from banyan.pki.certificate import CertificateParts, IdentifyCode, Issuer, Template
from banyan.pki.certificate_sample import SAMPLE_KEYS
from banyan.pki.profile import Use
from banyan.pki.public_key import sm2_spki
from support.certificates import (
    PROFILES,
    Authority,
    make_issuing,
    make_root,
    make_template,
    p256_key,
    parts_for,
    rsa_spki,
)

ROWS = 40_000
MIXED = "takes SM2 and RSA keys"
P = 0xFFFFFFFEFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF00000000FFFFFFFFFFFFFFFF


@cache
def points(count: int) -> list[bytes]:
    """Distinct points of the curve: G, 2G, 3G… by plain affine addition (the keys of nobody)."""
    base = gm.sm2.public_key((1).to_bytes(32, "big"))
    gx, gy = int.from_bytes(base[1:33], "big"), int.from_bytes(base[33:], "big")
    second = gm.sm2.public_key((2).to_bytes(32, "big"))
    x, y = int.from_bytes(second[1:33], "big"), int.from_bytes(second[33:], "big")
    found = []
    for _ in range(count // 2):
        head = x.to_bytes(32, "big")
        found += [b"\x04" + head + y.to_bytes(32, "big"), b"\x04" + head + (P - y).to_bytes(32, "big")]
        slope = (y - gy) * pow(x - gx, -1, P) % P
        x_next = (slope * slope - x - gx) % P
        x, y = x_next, (slope * (gx - x_next) - gy) % P
    return found


@cache
def authority(is_sharded: bool) -> Authority:
    addresses = {"crl_urls": ("http://crl.test.example/{shard}.crl",)} if is_sharded else {}
    return make_issuing(make_root(), **addresses)


@cache
def template(code: str = "sm2-personal", is_sharded: bool = False) -> Template:
    if code == MIXED:
        profile = replace(PROFILES["sm2-device"], key_algorithms=("SM2", "RSA"))
        return Template(profile, Use.SIGNING, authority(False).issuer)
    return make_template(code, PROFILES[code].uses[0], authority(is_sharded))


@cache
def batch(code: str = "sm2-personal", is_sharded: bool = False) -> tuple[CertificateParts, ...]:
    """Sound rows: distinct serials, names and keys."""
    sound = parts_for(template(code, is_sharded))
    head = (("C", "CN"), ("ST", "福建省"), ("L", "福州市"))
    return tuple(
        sound._replace(
            serial=b"\x52" + row.to_bytes(15, "big"),
            public_key=point,
            subject_der=names.encode_name((*head, ("O", f"测试单位{row % 500}"), ("CN", f"测试用户{row}"))),
        )
        for row, point in enumerate(points(ROWS), start=1)
    )


class Around(NamedTuple):
    """What stands around a row: another row of its batch, and its issuer."""

    neighbour: CertificateParts
    issuer: Issuer


class Planting(NamedTuple):
    """How a sound row is spoilt so that one rule must object."""

    spoil: Callable[[CertificateParts, Around], CertificateParts]
    code: str = "sm2-personal"
    is_sharded: bool = False


def subject(*pairs: tuple[str, str]) -> bytes:
    return names.encode_name(pairs)


def raw_subject(*rows: tuple[str, int, bytes]) -> bytes:
    """A name built past the encoder, so that it may break every rule."""
    sets = [der.tlv(der.SET, der.sequence(der.oid(oid), der.tlv(tag, text))) for oid, tag, text in rows]
    return der.sequence(*sets)


C, ST, CN = ("2.5.4.6", 0x13, b"CN"), ("2.5.4.8", 0x0C, "福建省".encode()), ("2.5.4.3", 0x0C, "测试".encode())
COMMON = (("C", "CN"), ("ST", "福建省"))
OFF_CURVE = b"\x04" + bytes(31) + b"\x01" + bytes(31) + b"\x01"


def plant(**fields: object) -> Planting:
    return Planting(lambda parts, _around: parts._replace(**fields))


def at(times: Callable[[datetime, datetime], dict[str, datetime]]) -> Planting:
    """Times that stand in a relation to the issuer's."""
    return Planting(lambda parts, around: parts._replace(**times(around.issuer.not_before, around.issuer.not_after)))


def other_form(public_key: bytes) -> bytes:
    """The same SM2 key as a bare point or in its SubjectPublicKeyInfo."""
    return public_key[-65:] if len(public_key) > 65 else sm2_spki(public_key)


def plant_name(name_der: bytes) -> Planting:
    return plant(subject_der=name_der)


DAY = timedelta(days=1)
PLANTINGS: dict[str, list[Planting]] = {
    "serial.positive": [plant(serial=b""), plant(serial=b"\x00"), plant(serial=b"\x00\x52\x01")],
    "serial.length": [plant(serial=b"\x01" * 21), plant(serial=b"\x80" + bytes(19))],
    "serial.duplicate": [Planting(lambda parts, around: parts._replace(serial=around.neighbour.serial))],
    "validity.aware": [
        at(lambda begin, _end: {"not_before": begin.replace(tzinfo=None)}),
        at(lambda begin, _end: {"not_after": (begin + DAY).replace(tzinfo=None)}),
    ],
    "validity.range": [plant(not_before=datetime(1949, 12, 31, tzinfo=UTC))],
    "validity.order": [
        at(lambda begin, _end: {"not_before": begin, "not_after": begin}),
        at(lambda begin, _end: {"not_before": begin + 10 * DAY, "not_after": begin + 9 * DAY}),
    ],
    "validity.issuer": [
        at(lambda begin, _end: {"not_before": begin - DAY}),
        at(lambda _begin, end: {"not_before": end - 50 * DAY, "not_after": end + DAY}),
    ],
    "validity.maximum": [
        at(lambda begin, _end: {"not_before": begin, "not_after": begin + timedelta(days=1190, seconds=1)})
    ],
    "subject.structure": [
        plant_name(b""),
        plant_name(b"\x30\x05\x31\x00"),
        plant_name(subject(*COMMON, ("CN", "测试")) + b"\x00"),
        plant_name(raw_subject(C, ST, ("2.5.4.3", 0x0C, b"\xff\xfe"))),
        plant_name(der.sequence(der.tlv(der.SET, b""))),
        plant_name(subject(*COMMON, ("CN", "测试"))[:-3]),
    ],
    "subject.attribute": [plant_name(subject(*COMMON, ("CN", "测试"), ("UID", "1")))],
    "subject.order": [
        plant_name(subject(("ST", "福建省"), ("C", "CN"), ("CN", "测试"))),
        plant_name(subject(*COMMON, ("CN", "测试"), ("O", "测试单位"))),
    ],
    "subject.repeated": [plant_name(subject(*COMMON, ("CN", "测试"), ("CN", "测试")))],
    "subject.required": [
        plant_name(subject(*COMMON)),
        plant_name(subject(("C", "CN"), ("CN", "测试"))),
        plant_name(b"\x30\x00"),
    ],
    "subject.fixed": [plant_name(subject(("C", "US"), ("ST", "福建省"), ("CN", "测试")))],
    "subject.type": [
        plant_name(raw_subject(("2.5.4.6", 0x0C, b"CN"), ST, CN)),
        plant_name(raw_subject(C, ("2.5.4.8", 0x13, b"Fujian"), CN)),
        plant_name(raw_subject(C, ST, ("2.5.4.3", 0x1E, "测试".encode("utf-16-be")))),
        plant_name(raw_subject(C, ST, ("2.5.4.3", 0x13, b"test"))),
    ],
    "subject.length": [
        plant_name(raw_subject(C, ST, ("2.5.4.3", 0x0C, "测".encode() * 65))),
        plant_name(raw_subject(C, ST, ("2.5.4.3", 0x0C, b"a" * 65))),
        plant_name(raw_subject(C, ST, ("2.5.4.3", 0x0C, b""))),
        plant_name(raw_subject(C, ("2.5.4.8", 0x0C, "省".encode() * 129), CN)),
    ],
    "subject.characters": [
        plant_name(raw_subject(C, ST, ("2.5.4.3", 0x0C, b"a\x00b"))),
        plant_name(raw_subject(C, ST, ("2.5.4.3", 0x0C, "张\u202e三".encode()))),
        plant_name(raw_subject(C, ST, ("2.5.4.3", 0x0C, b" a"))),
        plant_name(raw_subject(C, ST, ("2.5.4.3", 0x0C, b"a "))),
        plant_name(raw_subject(C, ("2.5.4.8", 0x0C, b"a\nb"), CN)),
        plant_name(raw_subject(C, ST, CN, ("2.5.4.5", 0x13, b"a*b"))),
    ],
    "subject.issuer": [Planting(lambda parts, around: parts._replace(subject_der=around.issuer.name_der))],
    "key.form": [
        plant(public_key=b""),
        plant(public_key=sm2_spki(b"\x04" + bytes(64))[:-1]),
        plant(public_key=b"\x05" + bytes(64)),
        Planting(lambda parts, _around: parts._replace(public_key=SAMPLE_KEYS["P256"])),
        Planting(lambda parts, _around: parts._replace(public_key=p256_key()[0][-65:]), code="p256-device"),
    ],
    "key.point": [
        plant(public_key=OFF_CURVE),
        plant(public_key=sm2_spki(OFF_CURVE)),
        plant(public_key=b"\x04" + bytes(64)),
    ],
    "key.strength": [
        Planting(lambda parts, _around: parts._replace(public_key=rsa_spki(1024)), code=code)
        for code in (MIXED, "rsa-device")
    ],
    "key.issuer": [Planting(lambda parts, around: parts._replace(public_key=around.issuer.spki_der))],
    "key.duplicate": [
        Planting(lambda parts, around: parts._replace(public_key=around.neighbour.public_key)),
        Planting(lambda parts, around: parts._replace(public_key=other_form(around.neighbour.public_key))),
    ],
    "san.presence": [plant(dns_names=("a.example",)), plant(ip_addresses=("192.0.2.1",))],
    "san.dns": [
        Planting(lambda parts, _around, name=name: parts._replace(dns_names=(name,)), code="sm2-device")
        for name in (
            "",
            "a..b",
            "-a.example",
            "a-.example",
            "A.example",
            "设备.example",
            "a.*.example",
            "x" * 64,
            "192.0.2.1",
            ".a",
            "a_b.example",
            "a.example.",
            ".".join(["a" * 60] * 5),
        )
    ],
    "san.ip": [
        Planting(lambda parts, _around, text=text: parts._replace(ip_addresses=(text,)), code="sm2-device")
        for text in ("", "300.1.1.1", "1.2.3", "0.0.0.0", "::", "fe80::1%eth0", "192.0.2.0/24")  # noqa: S104
    ],
    "san.duplicate": [
        Planting(lambda parts, _around: parts._replace(dns_names=("a.example", "a.example")), code="sm2-device"),
        Planting(lambda parts, _around: parts._replace(ip_addresses=("::1", "0:0::1")), code="sm2-device"),
    ],
    "identify_code.presence": [
        plant(identify_code=None),
        Planting(
            lambda parts, _around: parts._replace(identify_code=IdentifyCode("resident", "A" * 64)),
            code="sm2-organization",
        ),
    ],
    "identify_code.form": [
        plant(identify_code=IdentifyCode("resident", "11010519491231002X")),
        plant(identify_code=IdentifyCode("resident", "a" * 64)),
        plant(identify_code=IdentifyCode("resident", "A" * 63)),
        plant(identify_code=IdentifyCode("licence", "A" * 64)),
    ],
    "organization_code.presence": [
        Planting(lambda parts, _around: parts._replace(organization_code=None), code="sm2-organization"),
        Planting(lambda parts, _around: parts._replace(organization_code="91350100M000100Y43"), code="sm2-issuing-ca"),
    ],
    "organization_code.form": [
        plant(organization_code=text) for text in ("", "91350100M000100Y4", "91350100M000100I43", "机构", "M000100Y-")
    ],
    "crl_shard.presence": [
        plant(crl_shard=3),
        Planting(lambda parts, _around: parts._replace(crl_shard=None), is_sharded=True),
        Planting(lambda parts, _around: parts._replace(crl_shard=-1), is_sharded=True),
        Planting(lambda parts, _around: parts._replace(crl_shard=65536), is_sharded=True),
    ],
}


# The second half of a pair, spoilt by the first.
PAIR_PLANTINGS: dict[str, Callable[[CertificateParts, CertificateParts], CertificateParts]] = {
    "pair.subject": lambda one, other: other._replace(subject_der=subject(*COMMON, ("CN", "别人"))),
    "pair.serial": lambda one, other: other._replace(serial=one.serial),
    "pair.key": lambda one, other: other._replace(public_key=other_form(one.public_key)),
    "pair.validity": lambda one, other: other._replace(not_after=other.not_after - DAY),
    "pair.extensions": lambda one, other: other._replace(
        organization_code=None if other.organization_code else "91350100M000100Y43"
    ),
}
