"""Requests, certificates and tokens as the command line shows them: plain values, protected ones masked or left out."""

from collections.abc import Mapping
from typing import Any

from banyan.adapters.deliverers import TARGET_NAMES
from banyan.cli.messages import translate
from banyan.domain.ca import rules as ca_rules
from banyan.domain.ca.access import PairLife
from banyan.domain.ca.models import Certificate, CertificatePair, PairState, RevocationReason
from banyan.domain.inventory.models import Token
from banyan.domain.kmc.models import KeyRecovery
from banyan.domain.outbox.access import TargetStanding
from banyan.domain.outbox.models import OutboxMessage
from banyan.domain.outbox.rules import TargetState
from banyan.domain.parties import rules as parties
from banyan.domain.parties.rules import HoldingsHint
from banyan.domain.ra.access import Story
from banyan.domain.ra.models import RequestState, ServiceRequest
from banyan.domain.ra.processes import Verb
from banyan.domain.ra.values import RequestData
from banyan.domain.systems.policy import CertificateKind
from banyan.kernel.errors import N_
from banyan.pki import names
from banyan.pki.certificate import Certificate as CertificateView
from banyan_token.agent import PluggedToken

# What became of something, as people read it; programs read the code.
OUTCOMES = {
    "ok": N_("成功"),
    "issued": N_("已签发"),
    "waiting": N_("等待 CA 签发"),
    "not_begun": N_("未签发"),
    "rejected": N_("未通过"),
    "refused": N_("被拒绝"),
    "deficient": N_("材料不全，已一次性告知"),
    "corrected": N_("更正数据"),
    "sent_back": N_("退回修改"),
    "submitted": N_("已提交 CA"),
    "called_off": N_("撤回签发"),
    "answered": N_("已给出解锁应答"),
    "prepared": N_("已准备介质"),
    "token_aside": N_("换介质"),
    "pair_voided": N_("作废证书对"),
    "materials": N_("增减材料"),
    "packed": N_("装入包裹"),
    "unpacked": N_("从包裹取出"),
    "shipped": N_("交寄 EMS"),
    "came_back": N_("邮件退回"),
    "cancelled": N_("撤回申请"),
    "requester": N_("更改经办人"),
    "alarm": N_("告警"),
    "pending": N_("等待"),
    "unavailable": N_("没有应答"),
}
_DEVICE_STATES = {"ready": N_("可用"), "locked": N_("已锁定"), "blank": N_("空白"), "faulty": N_("读不出")}
REQUEST_COLUMNS = (
    "number",
    "business_name",
    "system",
    "kind_name",
    "subject_name",
    "step_name",
    "state_name",
    "due_on",
)
PAIR_COLUMNS = ("pair", "serial", "subject_name", "system", "kind_name", "state_name", "not_after", "token")
TOKEN_COLUMNS = ("token", "medium_name", "state_name", "region", "device_state_name", "containers")
RECOVERY_COLUMNS = ("number", "serial", "purpose_name", "state_name", "approvals", "expires_at")
MESSAGE_COLUMNS = ("message_number", "target", "topic", "state_name", "created_at", "attempts", "last_error")
TARGET_COLUMNS = ("target", "target_name", "state_name", "waiting_messages", "dead")
_TARGET_STATES = {
    TargetState.CONNECTED: N_("已接入"),
    TargetState.PAUSED: N_("已暂停"),
    TargetState.NOT_CONNECTED: N_("未接入"),
}


def target_view(target: TargetStanding) -> dict[str, Any]:
    """A target of the outbox."""
    return {
        "target": target.name,
        "target_name": translate(TARGET_NAMES.get(target.name, target.name)),
        "state": target.state,
        "state_name": translate(_TARGET_STATES[target.state]),
        "waiting_messages": target.waiting,
        "dead": target.dead,
    }


def message_view(message: OutboxMessage) -> dict[str, Any]:
    """A message of the outbox, without what it says."""
    return {
        "message_number": message.pk,
        "target": message.target,
        "topic": message.topic,
        "state": message.state,
        "state_name": str(message.get_state_display()),
        "created_at": message.created_at,
        "due_at": message.due_at,
        "attempts": message.attempts,
        "last_error": message.last_error,
    }


def request_view(request: ServiceRequest) -> dict[str, Any]:
    """A request without what was entered for it."""
    return {
        "number": request.number,
        "business": request.business,
        "business_name": str(request.get_business_display()),
        "system": request.system,
        "kind": request.kind,
        "kind_name": translate(CertificateKind(request.kind).label) if request.kind else "",
        "subject_name": request.subject_name,
        "region": request.region_code,
        "channel": request.channel,
        "channel_name": str(request.get_channel_display()),
        "reason": request.reason,
        "state": request.state,
        "state_name": str(request.get_state_display()),
        "step": request.step,
        "step_name": step_name(request.step),
        "due_on": request.due_on,
        "token": request.token_serial,
        "pair": request.pair_id,
        "issued_pair": request.issued_pair_id,
        "opened_at": request.opened_at,
        "data_digest": request.data_digest,
        "materials_digest": request.materials_digest,
    }


def held_view(held: HoldingsHint | None) -> dict[str, Any]:
    """The duplicate-holder warning: each pair in sight, of others only how many of which kind and system.

    Null where it was not asked for.
    """
    if held is None:
        return {"held_already": None, "held": []}
    here = [_held(one.kind, one.system, 1, pair=one.pair_id, state=one.state) for one in held.here]
    elsewhere = [_held(one.kind, one.system, one.count) for one in held.elsewhere]
    return {"held_already": held.count, "held": here + elsewhere}


def _held(kind: str, system: str, count: int, *, pair: int | None = None, state: str = "") -> dict[str, Any]:
    return {
        "count": count,
        "system": system,
        "kind": kind,
        "kind_name": translate(CertificateKind(kind).label),
        "pair": pair,
        "state": state,
        "state_name": str(PairState(state).label) if state else translate(N_("在管辖范围以外")),
    }


def step_name(verb: str) -> str:
    """A step as people call it; what is no step of a process is told as it stands."""
    return translate(Verb(verb).label) if verb in set(Verb) else verb


def outcome_name(code: str) -> str:
    """What became of something, in words."""
    return translate(OUTCOMES.get(code, code))


def reason_name(code: str) -> str:
    """Why a certificate was revoked or held, in words."""
    return str(RevocationReason(code).label) if code in set(RevocationReason) else code


def device_state_name(code: str) -> str:
    """What a device says of itself, in words."""
    return translate(_DEVICE_STATES.get(code, code))


def story_view(story: Story) -> dict[str, Any]:
    """A request with its steps, its time line, materials, decisions and what it waits for."""
    return request_view(story.request) | {
        "is_approved": story.is_approved,
        "is_proofread": story.is_proofread,
        "waiting": waiting_for(story),
        "steps": [
            {
                "step": step.step.verb,
                "is_current": step.is_current,
                "is_done": any(r.outcome == "ok" for r in step.records),
            }
            for step in story.steps
        ],
        "records": [
            {
                "at": one.at,
                "step": one.step,
                "step_name": step_name(one.step),
                "outcome": one.outcome,
                "outcome_name": outcome_name(one.outcome),
                "actor": one.actor_name,
                "note": one.note,
            }
            for one in story.records
        ],
        "materials": [
            {"code": one.code, "file": one.name, "sm3": one.sm3, "size": one.size} for one in story.materials
        ],
        "missing": [{"code": one.code, "name": translate(one.name)} for one in story.missing],
        "issuance": _issuance(story),
    }


def waiting_for(story: Story) -> str:
    """What a request at its issuing step waits for, as people read it."""
    if not story.is_waiting_for_ca or story.issuance is None or story.request.state != RequestState.OPEN:
        return ""
    return waiting_text(story.issuance.connector)


def waiting_text(connector: str) -> str:
    """The note of a request whose CA has not answered yet."""
    is_own = connector == ca_rules.EMBEDDED
    return translate(N_("等待 CA 签发") if is_own else N_("等待上级 CA"))


def _issuance(story: Story) -> dict[str, Any] | None:
    if story.issuance is None:
        return None
    one = story.issuance
    return {"state": one.state, "connector": one.connector, "attempts": one.attempts, "refusal": one.refusal_code}


def data_view(data: RequestData) -> dict[str, Any]:
    """What was entered; who handles it only masked."""
    requester = dict(data.requester)
    if requester.get("id_number"):
        requester["id_number"] = parties.mask_number(requester["id_number"].rpartition(":")[2])
    if requester.get("phone"):
        requester["phone"] = parties.mask_phone(requester["phone"])
    return {
        "subject": dict(data.subject),
        "form": dict(data.form),
        "requester": requester,
        "validity_days": data.validity_days,
        "dns_names": list(data.dns_names),
        "ip_addresses": list(data.ip_addresses),
        "is_classic": data.is_classic,
    }


def pair_view(pair: CertificatePair, serial: str = "") -> dict[str, Any]:
    """A pair; ``serial`` is that of its signing certificate."""
    return {
        "pair": pair.pk,
        "serial": serial,
        "subject_name": pair.subject_name,
        "system": pair.system,
        "kind": pair.kind,
        "kind_name": translate(CertificateKind(pair.kind).label),
        "profile": pair.profile,
        "region": pair.region_code,
        "state": pair.state,
        "state_name": str(pair.get_state_display()),
        "not_before": pair.not_before,
        "not_after": pair.not_after,
        "origin": pair.origin,
        "origin_name": str(pair.get_origin_display()),
        "token": pair.token_serial,
        "container": pair.container,
        "supersedes": pair.supersedes_id,
    }


def certificate_view(certificate: Certificate) -> dict[str, Any]:
    """One certificate as recorded, with the subject that its bytes state."""
    view = CertificateView.parse(bytes(certificate.der))
    return {
        "serial": certificate.serial,
        "use": certificate.use,
        "use_name": str(certificate.get_use_display()),
        "subject": names.display(view.subject),
        "issuer": names.display(view.issuer),
        "not_before": certificate.not_before,
        "not_after": certificate.not_after,
        "state": certificate.state,
        "state_name": str(certificate.get_state_display()),
        "revoked_at": certificate.revoked_at,
        "reason": certificate.reason,
        "reason_name": reason_name(certificate.reason),
        "sm3": bytes(certificate.sm3).hex(),
    }


def life_view(life: PairLife) -> dict[str, Any]:
    """A pair with its certificates, what it followed, what followed it, and every change of its status."""
    signing = next((one.serial for one in life.certificates if one.use != Certificate.Use.ENCRYPTION), "")
    return pair_view(life.pair, signing) | {
        "ca": life.authority.code,
        "connector": life.authority.connector,
        "certificates": [certificate_view(one) for one in life.certificates],
        "predecessor": life.predecessor.pk if life.predecessor else None,
        "successors": [one.pk for one in life.successors],
        "changes": [
            {
                "at": one.at,
                "action": one.action,
                "action_name": str(one.get_action_display()),
                "reason": one.reason,
                "reason_name": reason_name(one.reason),
                "state": one.state,
                "state_name": str(one.get_state_display()),
                "actor_id": one.actor,
                "actor": one.actor_name,
            }
            for one in life.changes
        ],
        "request": life.pair.request_id,
    }


def token_view(token: Token, device: PluggedToken | None = None) -> dict[str, Any]:
    """A token on record, with what its device tells when it is plugged in here."""
    view: dict[str, Any] = {
        "token": token.serial,
        "medium": token.medium_id,
        "medium_name": token.medium.name,
        "state": token.state,
        "state_name": str(token.get_state_display()),
        "region": token.region_code,
        "note": token.note,
        "can_be_unlocked": token.has_admin_pin,
    }
    if device is not None:
        view |= {
            "device_state": device.state,
            "device_state_name": device_state_name(device.state),
            "tries_left": device.tries_left,
            "must_change_pin": device.is_first_pin,
            "containers": len(device.containers),
        }
    return view


def containers_view(device: PluggedToken) -> list[Mapping[str, Any]]:
    """What lies in a device's containers: certificates' serials, and how much of a pair is there."""
    return [
        {
            "container": one.name,
            "signing": _serial(one.signing_certificate),
            "encryption": _serial(one.encryption_certificate),
            "state": one.state,
        }
        for one in device.containers
    ]


def _serial(certificate_der: bytes | None) -> str:
    return CertificateView.parse(certificate_der).serial_hex if certificate_der else ""


def recovery_view(recovery: KeyRecovery, digest: str = "") -> dict[str, Any]:
    """A recovery of an escrowed key; ``digest`` is what an approver consents to."""
    return {
        "number": recovery.pk,
        "serial": recovery.certificate_serial,
        "purpose": recovery.purpose,
        "purpose_name": str(recovery.get_purpose_display()),
        "case_number": recovery.case_number,
        "reason": recovery.reason,
        "state": recovery.state,
        "state_name": str(recovery.get_state_display()),
        "approvals": recovery.approvals.count(),
        "requested_at": recovery.requested_at,
        "expires_at": recovery.expires_at,
        "digest": digest,
    }
