"""What stands behind ``banyan key``: which escrowed key, for whom, and where its envelope goes."""

from pathlib import Path
from typing import Any

from banyan.adapters.embedded_ca import EmbeddedConnector
from banyan.cli import shown, views
from banyan.cli.desk import Desk, typed
from banyan.cli.pin_input import pin_of
from banyan.cli.processes import key_holders
from banyan.domain.ca import access as certificates
from banyan.domain.ca.models import Certificate, CertificatePair
from banyan.domain.iam.access import find_account
from banyan.domain.inventory.rules import token_serial
from banyan.domain.kmc import access, actions, rules
from banyan.domain.kmc.models import KeyRecovery
from banyan.domain.kmc.values import EscrowedKey, RecoveryWish
from banyan.kernel import clock
from banyan.kernel.actor import Actor
from banyan.kernel.errors import N_, BanyanError
from banyan.kernel.home import Home
from banyan.pki.certificate import Certificate as CertificateView
from banyan.pki.certificate import pem_to_der
from banyan.pki.skf_blob import to_skf_blob
from banyan_token.agent import PluggedToken


class NotEscrowed(BanyanError):
    """The certificate's encryption key is not kept here."""

    code = "cli.key_not_escrowed"
    message = N_("证书 {serial} 的加密密钥不在本平台的密钥管理中心。")


class RecipientNotInToken(BanyanError):
    """The token does not hold the key the envelope is for."""

    code = "cli.recipient_not_in_token"
    message = N_("介质 {token} 里没有接收证书的签名密钥，不能装入恢复的密钥。请插入申请恢复时指明的介质。")


def ask(
    actor: Actor, serial: str, recipient: str, purpose: str, case: str, reason: str, holder: str, as_json: bool
) -> None:
    """Ask for a recovery. Raises NotEscrowed, PairNotFound and what the action refuses."""
    pair = certificates.pair_by_serial(actor, serial)
    wish = RecoveryWish(
        purpose=purpose,
        reason=reason,
        recipient_certificate=_recipient(actor, recipient),
        case_number=case,
        holder_account_id=find_account(holder).pk if holder else None,
    )
    recovery = actions.request_recovery(actor, _escrowed(actor, pair), wish, clock.now())
    _show(recovery, as_json)


def _escrowed(actor: Actor, pair: CertificatePair) -> EscrowedKey:
    for one in certificates.certificates_of(actor, pair.pk):
        if one.use == Certificate.Use.ENCRYPTION and pair.issuance_id is not None:
            return EscrowedKey(pair.issuance_id, one.serial, pair.person_id, pair.region_code)
    raise NotEscrowed(serial=f"#{pair.pk}")


def _recipient(actor: Actor, text: str) -> bytes:
    place = Path(text)
    if place.is_file():
        return pem_to_der(place.read_bytes())
    pair = certificates.pair_by_serial(actor, text)
    return next(
        bytes(one.der) for one in certificates.certificates_of(actor, pair.pk) if one.use != Certificate.Use.ENCRYPTION
    )


def consent(actor: Actor, number: int, seen: str, as_json: bool) -> None:
    """One officer's approval."""
    _show(actions.approve_recovery(actor, number, clock.now(), seen=seen), as_json)


def turn_down(actor: Actor, number: int, reason: str, as_json: bool) -> None:
    """An officer's refusal."""
    _show(actions.refuse_recovery(actor, number, clock.now(), reason=reason), as_json)


def list_all(actor: Actor, limit: int, as_json: bool) -> None:
    """Recoveries in sight, each with its digest."""
    rows = [_view(access.recovery(one.pk)) for one in access.recoveries(actor, limit=limit)]
    shown.show_rows(rows, views.RECOVERY_COLUMNS, as_json=as_json)


def carry_out(
    home: Home,
    actor: Actor,
    number: int,
    serial: str | None,
    out: Path | None,
    pin_file: Path | None,
    letters: Path | None,
    as_json: bool,
) -> None:
    """Fetch the envelope and put it where it belongs; the token is looked at first, to fetch nothing in vain."""
    if serial is None:
        assert out is not None  # noqa: S101  (the command asks for one of the two)
        out.write_bytes(_envelope(home, actor, number))
        shown.show_card(_view(access.recovery(number)) | {"file": str(out)}, as_json=as_json)
        return
    named = token_serial(serial)
    with Desk(home) as desk:
        token = desk.token(named)
        recovery = access.recovery(number)
        container = f"recovered-{recovery.certificate_serial[-16:]}"
        signing = _container_of(token, bytes(recovery.recipient_certificate))
        certificate = _encryption_certificate(actor, recovery)
        envelope = to_skf_blob(_envelope(home, actor, number))
        by_hand = pin_file is None and letters is None
        with desk.answering(typed(lambda: pin_of(named, pin_file, letters), by_hand=by_hand)):
            desk.agent.recover(
                token, container, signing_container=signing, encryption_certificate=certificate, envelope=envelope
            )
    shown.show_card(_view(access.recovery(number)) | {"token": named, "container": container}, as_json=as_json)


def _envelope(home: Home, actor: Actor, number: int) -> bytes:
    with key_holders(home):
        centre = EmbeddedConnector(home)
        try:
            return actions.carry_out_recovery(actor, number, centre, clock.now())
        finally:
            centre.close()


def _container_of(token: PluggedToken, certificate_der: bytes) -> str:
    wanted = CertificateView.parse(certificate_der).spki_der
    for one in token.containers:
        if one.public_key == wanted:
            return one.name
    raise RecipientNotInToken(token=token.serial)


def _encryption_certificate(actor: Actor, recovery: KeyRecovery) -> bytes:
    pair = certificates.pair_by_serial(actor, recovery.certificate_serial)
    return next(
        bytes(one.der)
        for one in certificates.certificates_of(actor, pair.pk)
        if one.serial == recovery.certificate_serial
    )


def _show(recovery: KeyRecovery, as_json: bool) -> None:
    shown.show_card(_view(access.recovery(recovery.pk)), as_json=as_json)


def _view(recovery: KeyRecovery) -> dict[str, Any]:
    return views.recovery_view(recovery, rules.recovery_digest(recovery))
