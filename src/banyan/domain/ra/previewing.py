"""What a certificate will say, before it is entered and afterwards. Reads; never writes."""

import json
from dataclasses import dataclass

from banyan.domain.ra import correcting, subjects
from banyan.domain.ra.correcting import Corrections
from banyan.domain.ra.models import ServiceRequest
from banyan.domain.ra.subjects import Holder, Holders
from banyan.domain.ra.values import RequestData
from banyan.domain.systems import access as systems
from banyan.domain.systems import rules as system_rules
from banyan.pki import names
from banyan.pki.profile import load_profiles


@dataclass(frozen=True, slots=True)
class CertificateText:
    """The subject in the order of the certificate, names of equipment, and for how many days it is valid."""

    subject: names.Name
    dns_names: tuple[str, ...]
    ip_addresses: tuple[str, ...]
    validity_days: int


def as_entered(request: ServiceRequest, data: RequestData) -> CertificateText:
    """What the certificate of an entered request will say. Raises pki.Malformed."""
    said = json.loads(request.extension_values)
    days = system_rules.validity(systems.policy(request.system), request.kind, data.validity_days).days
    subject = names.decode_name(bytes(request.subject_der))
    return CertificateText(subject, tuple(said.get("dns_names", ())), tuple(said.get("ip_addresses", ())), days)


def as_it_would_be(
    request: ServiceRequest, data: RequestData, corrections: Corrections, holders: Holders | None = None
) -> CertificateText:
    """What it would say with these data and corrections. Raises what ``enter`` would raise of the subject."""
    policy = systems.policy(request.system)
    issuing = system_rules.issuing(policy, request.kind, "", algorithm="P256" if data.is_classic else "SM2")
    profile = load_profiles()[issuing.profile]
    loaded = holders or Holders.load([request], with_codes=False)
    holder: Holder = correcting.with_corrections(loaded.of(request), corrections)
    der = subjects.subject_of(request.kind, holder, request.region_code, data, profile, loaded.tree)
    dns_names, ip_addresses = subjects.alternative_names(request.kind, holder, data)
    days = system_rules.validity(policy, request.kind, data.validity_days).days
    return CertificateText(names.decode_name(der), tuple(dns_names), tuple(ip_addresses), days)
