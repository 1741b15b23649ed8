"""Judging certificates: the chain and status as a relying party sees them, and the stored bytes rule by rule."""

import re
import secrets
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from operator import attrgetter
from pathlib import Path
from typing import Any

import click

from banyan import gm
from banyan.cli import shown
from banyan.cli.messages import translate
from banyan.cli.opening import FileMissing, find_pair
from banyan.domain.audit.errors import RowForged
from banyan.domain.ca import access
from banyan.domain.ca import rules as ca_rules
from banyan.domain.ca.errors import PairNotFound
from banyan.domain.ca.models import Certificate, CertificateAuthority, CertificatePair, Origin, PairState
from banyan.kernel.actor import Actor
from banyan.kernel.errors import N_, BanyanError, fill
from banyan.pki import names
from banyan.pki.anchors import national_intermediates, national_roots
from banyan.pki.certificate import Certificate as CertificateView
from banyan.pki.certificate import Issuer, bundle_to_ders, issuer_of, pem_to_der
from banyan.pki.chain import validate_chain
from banyan.pki.crl_view import parse_crl
from banyan.pki.errors import PkiError
from banyan.pki.lint import Finding, check_certificate
from banyan.pki.profile import load_profiles

_NUMBER = re.compile(r"[0-9A-F]{1,40}")
_COLUMNS = ("serial", "subject_name", "state", "findings")
_ONE_IN = 100
_AT_ONCE = 2000


class TargetUnclear(BanyanError):
    """What was given is no file, and cannot be a number of a certificate."""

    code = "cli.target_unclear"
    message = N_("“{target}”不是文件，也不是证书的序列号或证书对的编号。请给出文件的路径、十六进制的序列号或编号。")


class TargetNotFound(BanyanError):
    """What was given looks like a number, but no certificate in sight has it and no file is so named."""

    code = "cli.target_not_found"
    message = N_("没有序列号或编号为 {target} 的证书，或它不在您的管辖范围内；也没有名为 {target} 的文件。")


class BundleDisordered(BanyanError):
    """A file of several certificates that does not begin with the one to be judged."""

    code = "cli.bundle_disordered"
    message = N_(
        "文件 {file} 里的证书次序不对：第一张应是要核验的证书，其后只能是它上级的 CA 证书。请调整次序，或分成几个文件。"
    )


@dataclass(frozen=True)
class Trust:
    """What a person brings to a validation beside what is recorded."""

    anchors: Sequence[Path] = ()
    intermediates: Sequence[Path] = ()
    crls: Sequence[Path] = ()
    needs_status: bool = False


def recorded_roots() -> list[bytes]:
    """The roots on record and the national ones."""
    found = [bytes(one.certificate) for one in access.authorities() if one.kind == CertificateAuthority.Kind.ROOT]
    return [*found, *national_roots()]


def verify_all(actor: Actor, targets: Sequence[str], at: datetime, trust: Trust, as_json: bool) -> None:
    """Validate recorded certificates and files; exit code 3 when one does not hold."""
    authorities = access.authorities()
    anchors = [pem_to_der(path.read_bytes()) for path in trust.anchors] or recorded_roots()
    intermediates = [bytes(one.certificate) for one in authorities] + list(national_intermediates())
    intermediates += [one for path in trust.intermediates for one in bundle_to_ders(path.read_bytes())]
    crls = [parse_crl(path.read_bytes()).der for path in trust.crls]
    for authority in authorities:
        last = access.last_crl(authority.pk)
        if last is not None and last.der:
            crls.append(bytes(last.der))
    rows = []
    for der, helpers, record in _certificates(actor, targets):
        known = [*intermediates, *helpers]
        result = validate_chain(der, known, anchors, at, crls, require_revocation=trust.needs_status)
        findings = [_finding(one.code, one.text, one.is_error) for one in result.findings]
        if not result.is_anchored and not findings:
            findings.append(_finding("chain.unanchored", translate(N_("证书链没有到达受信任的根。")), True))
        findings += _recorded_status(record)
        is_valid = not any(one["is_error"] for one in findings)
        view = CertificateView.parse(der)
        rows.append(
            {
                "serial": view.serial_hex,
                "subject_name": names.display(view.subject),
                "is_valid": is_valid,
                "state": translate(N_("成立")) if is_valid else translate(N_("不成立")),
                "path": [names.display(CertificateView.parse(one).subject) for one in result.path],
                "findings": findings,
            }
        )
    _tell(rows, as_json)


def _certificates(actor: Actor, targets: Sequence[str]) -> Iterator[tuple[bytes, Sequence[bytes], Certificate | None]]:
    """Each certificate to be judged, the CA certificates that came with it, and its record."""
    for target in targets:
        if Path(target).is_file():
            leaf, *others = _bundle(Path(target))
            yield leaf, others, None
            continue
        pair = _recorded(actor, target)
        wanted = _compact(target)
        held = access.certificates_of(actor, pair.pk)
        for one in [row for row in held if row.serial == wanted] or held:
            yield bytes(one.der), (), one


def _compact(text: str) -> str:
    return "".join(text.split()).replace(":", "").upper()


def _recorded(actor: Actor, target: str) -> CertificatePair:
    """The pair that a target which is no file names. Raises FileMissing, TargetNotFound."""
    if Path(target).is_dir() or "/" in target or Path(target).suffix:
        raise FileMissing(file=target)
    if not _NUMBER.fullmatch(_compact(target)):
        raise TargetUnclear(target=target)
    try:
        return find_pair(actor, target)
    except PairNotFound as error:
        raise TargetNotFound(target=target) from error


def _bundle(path: Path) -> list[bytes]:
    """The certificate to be judged and the CA certificates behind it. Raises Malformed, BundleDisordered."""
    ders = bundle_to_ders(path.read_bytes())
    if len(ders) > 1:
        leaf, *others = [CertificateView.parse(der) for der in ders]
        for one in others:
            is_below = one.der != leaf.der and names.same(one.issuer_der, leaf.subject_der)
            if not one.is_authority or (is_below and not one.is_self_issued):
                raise BundleDisordered(file=path.name)
    return ders


def _recorded_status(record: Certificate | None) -> list[dict[str, Any]]:
    """What the record says, which a CRL may say only later."""
    if record is None or record.state == PairState.VALID:
        return []
    text = translate(N_("登记的状态是“{state}”。")).format(state=record.get_state_display())
    return [_finding(f"record.{record.state.lower()}", text, True)]


def check_all(actor: Actor, serials: Sequence[str], everything: bool, as_json: bool) -> None:
    """Read stored certificates again; exit code 3 when one breaks a rule."""
    issuers = {one.pk: one for one in access.authorities()}
    rows = []
    count = 0
    for certificate in _stored(actor, serials, everything):
        count += 1
        findings = list(_judge(certificate, issuers[certificate.ca_id]))
        if findings or serials:
            rows.append(
                {
                    "serial": certificate.serial,
                    "subject_name": certificate.pair.subject_name,
                    "is_valid": not any(one["is_error"] for one in findings),
                    "state": str(certificate.get_state_display()),
                    "findings": findings,
                }
            )
    if as_json:
        wrong = sum(not row["is_valid"] for row in rows)
        _tell([*rows, {"checked": count, "wrong": wrong, "is_valid": not wrong, "findings": []}], as_json)
        return
    shown.say(N_("检查了 {count} 张证书。"), count=count)
    if rows:
        _tell(rows, as_json)


def _stored(actor: Actor, serials: Sequence[str], everything: bool) -> Iterator[Certificate]:
    """The certificates named, all in sight, or one in a hundred of them, begun at a different one each time."""
    if serials:
        for text in serials:
            yield from _by_key(find_pair(actor, text))
        return
    offset = 0 if everything else secrets.randbelow(_ONE_IN)
    step = 1 if everything else _ONE_IN
    place = 0
    pairs = access.pairs(actor).order_by("pk").prefetch_related("certificates")
    newest: CertificatePair | None = None
    while part := list(pairs.filter(pk__gt=newest.pk if newest else 0)[:_AT_ONCE]):
        newest = part[-1]
        for pair in part:
            for one in _by_key(pair):
                if place % step == offset:
                    yield one
                place += 1
    if newest is not None and place <= offset:
        # Too few to meet the offset: the newest one stands for them.
        yield from _by_key(newest)[-1:]


def _by_key(pair: CertificatePair) -> list[Certificate]:
    """The certificates of a pair in sight as they are stored, also a forged one: judging them is what comes next."""
    return sorted(pair.certificates.all(), key=attrgetter("pk"))


def _judge(certificate: Certificate, authority: CertificateAuthority) -> Iterator[dict[str, Any]]:
    der = bytes(certificate.der)
    try:
        certificate.verify_row()
    except RowForged as error:
        yield _finding(error.code, str(error), True)
    if gm.sm3(der) != bytes(certificate.sm3):
        yield _finding("stored.digest", translate(N_("存储的证书与登记的摘要不符。")), True)
    try:
        view = CertificateView.parse(der)
    except PkiError as error:
        yield _finding(error.code, str(error), True)
        return
    if view.serial_hex != certificate.serial or view.not_after != certificate.not_after.replace(microsecond=0):
        yield _finding("stored.record", translate(N_("登记的序列号或有效期与证书不符。")), True)
    if certificate.origin == Origin.OWN and certificate.pair.profile in load_profiles():
        findings = check_certificate(der, load_profiles()[certificate.pair.profile], _issuer(authority, view))
        yield from (_lint_finding(one) for one in findings)


def _issuer(authority: CertificateAuthority, view: CertificateView) -> Issuer:
    """The CA as its certificates must show it. Under the address that stands there, an own CA has fixed paths."""
    ca = CertificateView.parse(bytes(authority.certificate))
    if authority.connector != ca_rules.EMBEDDED:
        return issuer_of(
            ca,
            crl_urls=view.crl_urls,
            delta_crl_urls=view.delta_crl_urls,
            ocsp_urls=view.ocsp_urls,
            ca_issuers_urls=view.ca_issuers_urls,
        )
    address = view.crl_urls[0].rsplit("/crl/", 1)[0] if view.crl_urls else ""
    return issuer_of(
        ca,
        crl_urls=(f"{address}/crl/{authority.code}.crl",),
        ca_issuers_urls=(f"{address}/ca/{authority.code}.cer",),
    )


def _lint_finding(finding: Finding) -> dict[str, Any]:
    return _finding(finding.rule, fill(translate(finding.message), finding.fields), finding.is_error)


def _finding(code: str, text: str, is_error: bool) -> dict[str, Any]:
    return {"code": code, "message": text, "is_error": is_error}


def _tell(rows: Iterable[dict[str, Any]], as_json: bool) -> None:
    many = list(rows)
    if as_json:
        shown.show_rows(many, _COLUMNS, as_json=True)
    else:
        texts = [row | {"findings": " ".join(one["message"] for one in row["findings"])} for row in many]
        shown.show_rows(texts, _COLUMNS, as_json=False)
    if not all(row["is_valid"] for row in many):
        raise click.exceptions.Exit(3)
