"""Who holds a certificate or asks for one, with numbers masked."""

from dataclasses import dataclass
from typing import Protocol

from django.urls import reverse
from django.utils.translation import gettext as _

from banyan.domain.iam import rights
from banyan.domain.parties import access as parties
from banyan.domain.parties.errors import NotFound
from banyan.kernel.actor import Actor


class Held(Protocol):
    """What names its holder: a pair of certificates, a request."""

    subject_name: str
    person_id: int | None
    organization_id: int | None
    device_id: int | None


@dataclass(frozen=True)
class Holder:
    """Who holds the pair, with numbers masked."""

    name: str
    facts: list[tuple[str, str]]
    url: str = ""


def holder(actor: Actor, held: Held) -> Holder | None:
    """The holder as the actor may see it; None without the right to read about people and organisations."""
    if not rights.has(actor, "parties.read"):
        return None
    facts: list[tuple[str, str]] = []
    name = held.subject_name
    url = ""
    try:
        if held.person_id:
            person = parties.person(actor, held.person_id)
            name = person.name
            url = reverse("files_person", args=[person.pk])
            facts += [(_(str(person.get_id_type_display())), person.id_masked), (_("手机"), person.phone_masked)]
        if held.device_id:
            device = parties.device(actor, held.device_id)
            name = device.name
            url = reverse("files_device", args=[device.pk])
            facts += [(_("域名"), device.domain_name), (_("IP 地址"), device.ip_address)]
            facts.append((_("设备序列号"), device.serial_number))
        if held.organization_id:
            body = parties.organization(actor, held.organization_id)
            facts += [(_("单位"), body.name), (_("信用代码"), body.uscc)]
            url = url or reverse("files_organization", args=[body.pk])
    except NotFound:
        # The holder moved to a region out of sight; the certificate itself stays in sight.
        facts.append((_("登记"), _("已转到管辖范围以外")))
    return Holder(name, [(label, value) for label, value in facts if value], url)
