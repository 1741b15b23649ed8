"""Keys and certificates in containers (A2): born inside, or carried in as an envelope that opens only
here.
"""

from pathlib import Path

import pytest

from banyan import gm
from banyan.pki.csr import CertificationRequest
from banyan_token import Token
from banyan_token.errors import (
    CertificateMismatch,
    CiphertextRefused,
    ContainerMissing,
    ContainerNameMalformed,
    ContainerOccupied,
    EnvelopeRefused,
    KeyMissing,
    NotLoggedIn,
)
from support.token import SUBJECT, USER_PIN, certificate, encryption_key_for, make_token, open_token


@pytest.fixture
def token(tmp_path: Path) -> Token:
    made = make_token(tmp_path)
    made.verify_pin(USER_PIN)
    return made


def personalise(token: Token, container: str) -> tuple[bytes, bytes]:
    signing = token.generate_signing_key(container)
    encryption, envelope = encryption_key_for(signing)
    assert token.import_key_envelope(container, envelope) == encryption
    token.import_certificate(container, certificate(signing, signing=True), signing=True)
    token.import_certificate(container, certificate(encryption, signing=False), signing=False)
    token.check_container(container)
    return signing, encryption


def test_the_request_proves_possession_of_the_key_in_the_container(token: Token) -> None:
    public = token.generate_signing_key("2026-1")
    request = CertificationRequest.parse(token.certification_request("2026-1", SUBJECT))
    request.verify()
    assert (request.public_key, request.subject_der) == (public, SUBJECT)


def test_a_pair_is_carried_in_and_survives_a_restart(token: Token, tmp_path: Path) -> None:
    signing, encryption = personalise(token, "2026-1")
    again = open_token(tmp_path)
    (held,) = again.containers()
    assert (held.signing_public_key, held.encryption_public_key) == (signing, encryption)
    assert held.signing_certificate is not None
    assert held.encryption_certificate is not None
    again.verify_pin(USER_PIN)
    signature = again.sign("2026-1", b"document")
    assert gm.sm2.verify_many([(signing, b"document", signature), (signing, b"other", signature)]) == [
        True,
        False,
    ]


def test_both_forms_of_a_ciphertext_open(token: Token) -> None:
    _signing, encryption = personalise(token, "a")
    raw = gm.sm2.encrypt(encryption, "机密".encode())
    assert token.decrypt("a", raw).decode() == "机密"
    assert token.decrypt("a", gm.sm2.ciphertext_to_der(raw)).decode() == "机密"


def test_after_a_renewal_old_ciphertext_still_opens(token: Token) -> None:
    _signing, old = personalise(token, "2026-1")
    _signing, new = personalise(token, "2027-1")
    for public in (old, new):
        assert token.decrypt(None, gm.sm2.encrypt(public, b"data")) == b"data"
    with pytest.raises(CiphertextRefused):
        token.decrypt("2027-1", gm.sm2.encrypt(old, b"data"))
    (stranger,) = gm.sm2.generate_keypairs(1)
    with pytest.raises(CiphertextRefused):
        token.decrypt(None, gm.sm2.encrypt(stranger.public, b"data"))


def test_a_recovered_old_key_goes_into_a_container_of_its_own(token: Token) -> None:
    signing, _encryption = personalise(token, "2026-1")
    recovered, envelope = encryption_key_for(signing)
    token.import_key_envelope("recovered-2024", envelope, signing_container="2026-1")
    assert token.decrypt("recovered-2024", gm.sm2.encrypt(recovered, b"old letter")) == b"old letter"


def test_an_envelope_for_another_token_does_not_open(token: Token, tmp_path: Path) -> None:
    token.generate_signing_key("a")
    other = make_token(tmp_path, serial="BYT0000002")
    other.verify_pin(USER_PIN)
    _public, envelope = encryption_key_for(other.generate_signing_key("a"))
    with pytest.raises(EnvelopeRefused):
        token.import_key_envelope("a", envelope)
    assert token.containers()[0].encryption_public_key is None


def test_a_changed_envelope_is_refused(token: Token) -> None:
    signing = token.generate_signing_key("a")
    _public, envelope = encryption_key_for(signing)
    for position in range(0, len(envelope), 7):
        changed = bytearray(envelope)
        changed[position] ^= 0x40
        with pytest.raises(EnvelopeRefused):
            token.import_key_envelope("a", bytes(changed))
    for cut in (b"", envelope[:-1], envelope + b"\0"):
        with pytest.raises(EnvelopeRefused):
            token.import_key_envelope("a", cut)
    token.import_key_envelope("a", envelope)


def test_keys_are_never_overwritten_and_a_repeat_changes_nothing(token: Token) -> None:
    signing = token.generate_signing_key("a")
    with pytest.raises(ContainerOccupied):
        token.generate_signing_key("a")
    public, envelope = encryption_key_for(signing)
    assert token.import_key_envelope("a", envelope) == public
    assert token.import_key_envelope("a", envelope) == public
    _public, second = encryption_key_for(signing)
    with pytest.raises(ContainerOccupied):
        token.import_key_envelope("a", second)
    assert token.containers()[0].encryption_public_key == public


def test_a_certificate_of_another_key_is_refused(token: Token) -> None:
    signing = token.generate_signing_key("a")
    (stranger,) = gm.sm2.generate_keypairs(1)
    for der in (certificate(stranger.public, signing=True), b"not a certificate", b""):
        with pytest.raises(CertificateMismatch):
            token.import_certificate("a", der, signing=True)
    with pytest.raises(KeyMissing):
        token.import_certificate("a", certificate(signing, signing=False), signing=False)
    assert token.containers()[0].signing_certificate is None


def test_nothing_works_without_a_log_in(tmp_path: Path) -> None:
    token = make_token(tmp_path)
    token.verify_pin(USER_PIN)
    signing, _encryption = personalise(token, "a")
    _public, envelope = encryption_key_for(signing)
    token.logout()
    for call in (
        lambda: token.generate_signing_key("b"),
        lambda: token.certification_request("a", SUBJECT),
        lambda: token.import_key_envelope("a", envelope),
        lambda: token.import_certificate("a", certificate(signing, signing=True), signing=True),
        lambda: token.sign("a", b""),
        lambda: token.decrypt("a", b""),
        lambda: token.decrypt(None, b""),
        lambda: token.check_container("a"),
        lambda: token.delete_container("a"),
    ):
        with pytest.raises(NotLoggedIn):
            call()


def test_missing_containers_keys_and_odd_names_are_clear_errors(token: Token) -> None:
    with pytest.raises(ContainerMissing):
        token.sign("none", b"")
    with pytest.raises(ContainerMissing):
        token.delete_container("none")
    token.generate_signing_key("a")
    with pytest.raises(KeyMissing):
        token.decrypt("a", b"")
    for name in ("", "a b", "../a", "容器", "x" * 65):
        with pytest.raises(ContainerNameMalformed):
            token.generate_signing_key(name)


def test_a_container_is_destroyed_on_request_only(token: Token) -> None:
    personalise(token, "a")
    personalise(token, "b")
    token.delete_container("a")
    assert [one.name for one in token.containers()] == ["b"]
    token.check_container("b")
