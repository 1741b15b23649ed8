"""What a certificate will say, in words for the pages."""

from dataclasses import dataclass

from django.utils.translation import gettext as _

from banyan.domain.ra.previewing import CertificateText
from banyan.web import words
from banyan.web.reading.masking import masked


@dataclass(frozen=True)
class TextLine:
    """One line of what a certificate will say."""

    label: str
    value: str


def lines(text: CertificateText) -> list[TextLine]:
    """Subject, names of equipment, validity."""
    found = [TextLine(str(words.SUBJECT_PARTS.get(name, name)), masked(value)) for name, value in text.subject]
    found += [TextLine(_("域名"), name) for name in text.dns_names]
    found += [TextLine(_("IP 地址"), address) for address in text.ip_addresses]
    found.append(TextLine(_("有效期"), _("{n} 天").format(n=text.validity_days)))
    return found
