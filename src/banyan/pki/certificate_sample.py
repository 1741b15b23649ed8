"""Fictitious moving parts that fill every place of a profile: for a template's self-check, its lint and
samples.
"""

import base64
from datetime import timedelta

from banyan.pki.certificate_parts import CertificateParts, IdentifyCode, Issuer
from banyan.pki.names import encode_name
from banyan.pki.profile import IdentifyCodeForm, Presence, Profile, Use
from banyan.pki.public_key import sm2_spki

# Three public keys whose private halves were thrown away.
_SM2_KEY = bytes.fromhex(
    "0400c37686c7b74b6cea34113d37e1160a057a144bf6ff36ec99ac84315c1c7b50"
    "4e5e126a8da62ed39d8e3211e579678f616de24fd3c7e739e96fe0734f4a84cc"
)
_P256_KEY = bytes.fromhex(
    "3059301306072a8648ce3d020106082a8648ce3d030107034200"
    "04af39132b5d3fd4d8d8c2685edbf0cb7f2f318626c196c658755a2e2e9fce0360"
    "f9c9768d1085e73660ab8fdee5a45e0a9a088d68a220dca1e4a62550c17c1bae"
)
_RSA_KEY = base64.b64decode(
    "MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEAsOYZ1p2CG/4ZMM8fh74/mBHaxDi9jQr9vEqJslx0GRzGBrxnzrutbxOA"
    "fHrZbbEDx442yOR9WozQ3TqZigsTg6w55ttHoY68iwFWqy3U3+vdJQMuGULOIR1nJa1N5BQIHh5sXrmGvV5tX446NK8C4kL67pAn"
    "vkolzgZNNwiayAri90/o8F9HvBVCLcjkKndmUNYnt+2tOiHOr0ObzjrjQJ+N20A1+H+Iep93GftL7Fdd9TtMVqnKqbFvupNOIwDJ"
    "PzJbHbYBoLOkA49wUYoxFY/WZh2X1skDbdg3zBdt6K27BmwjfGACWUG/W+sf/iLpTab2a3QAVfFUf6i99QowLQIDAQAB"
)
SAMPLE_KEYS = {"SM2": sm2_spki(_SM2_KEY), "P256": _P256_KEY, "RSA": _RSA_KEY}


def sample_parts(profile: Profile, use: Use, issuer: Issuer) -> CertificateParts:
    """Well-formed, clearly fictitious parts for a profile; a root certifies its own name and key."""
    subject = profile.order({attribute: _sample_text(attribute) for attribute in profile.subject_required})
    identify_code = None
    if profile.identify_code is IdentifyCodeForm.HMAC:
        identify_code = IdentifyCode("resident", "A5" * 32)
    elif profile.identify_code is IdentifyCodeForm.CLEAR:
        identify_code = IdentifyCode("resident", "11010519491231002X")
    return CertificateParts(
        serial=bytes.fromhex("52000000000000000000000000000001"),
        not_before=issuer.not_before,
        not_after=min(issuer.not_after, issuer.not_before + timedelta(days=profile.maximum_days)),
        subject_der=issuer.name_der if use is Use.ROOT else encode_name(subject),
        public_key=issuer.spki_der if use is Use.ROOT else SAMPLE_KEYS[profile.key_algorithms[0]],
        identify_code=identify_code,
        organization_code=None if profile.organization_code is Presence.ABSENT else "91350100M000100Y43",
        dns_names=() if profile.alternative_names is Presence.ABSENT else ("device.example",),
        ip_addresses=() if profile.alternative_names is Presence.ABSENT else ("192.0.2.1", "2001:db8::1"),
        crl_shard=0 if issuer.is_sharded else None,
    )


def _sample_text(attribute: str) -> str:
    return {"C": "CN", "CN": "测试样例", "serialNumber": "0001", "emailAddress": "a@example.com"}.get(attribute, "测试")
