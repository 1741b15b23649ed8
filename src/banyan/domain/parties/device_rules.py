"""What a device is known by: domain name, network address, ICP filing, serial number. Pure functions."""

import ipaddress
import re
import unicodedata
from dataclasses import dataclass

from banyan.kernel.errors import N_

from .errors import AddressInvalid, DeviceUnnamed, DomainNameInvalid, FieldEmpty, IcpNumberInvalid
from .names import device_title

_LABEL = re.compile(r"(?!-)[a-z0-9_-]{1,63}(?<!-)")
_ICP = re.compile(r"([京津沪渝冀豫云辽黑湘皖鲁新苏浙赣鄂桂甘晋蒙陕吉闽贵粤青藏川宁琼]ICP[备证])(\d{6,8})号(-\d{1,4})?")
_LONGEST_DOMAIN = 253
_SERIAL = re.compile(r"[A-Z0-9][A-Z0-9._/-]{2,63}")


@dataclass(frozen=True)
class DeviceIdentity:
    """The checked identity of a device; ``key`` is the same for the same device, whatever its title."""

    name: str
    domain_name: str
    ip_address: str
    icp_number: str
    serial_number: str

    @property
    def key(self) -> str:
        """What makes it one device: its domain, else its serial number, else its address."""
        if self.domain_name:
            return f"dns:{self.domain_name}"
        return f"sn:{self.serial_number}" if self.serial_number else f"ip:{self.ip_address}"


def device_identity(
    *, name: str = "", domain_name: str = "", ip_address: str = "", icp_number: str = "", serial_number: str = ""
) -> DeviceIdentity:
    """Read what a form says about a device; at least a domain, an address or a serial number must be given.

    Raises DeviceUnnamed, or the RuleError of the field that is wrong.
    """
    domain = read_domain_name(domain_name) if domain_name.strip() else ""
    address = read_ip_address(ip_address) if ip_address.strip() else ""
    serial = _read_serial(serial_number) if serial_number.strip() else ""
    if not (domain or address or serial):
        raise DeviceUnnamed
    icp = read_icp_number(icp_number) if icp_number.strip() else ""
    title = device_title(name) if name.strip() else domain or serial or address
    return DeviceIdentity(title, domain, address, icp, serial)


def read_domain_name(text: str) -> str:
    """A domain name in ASCII (IDNA) and lower case; a leading ``*.`` is allowed. Raises DomainNameInvalid."""
    shown = unicodedata.normalize("NFKC", text).strip().lower().rstrip(".")
    body = shown.removeprefix("*.")
    if re.search(r"[:/@\s\\]", body) or "." not in body:
        raise DomainNameInvalid(masked=shown[:60])
    try:
        ascii_form = body if body.isascii() else body.encode("idna").decode("ascii")
    except UnicodeError as error:
        raise DomainNameInvalid(masked=shown[:60]) from error
    labels = ascii_form.split(".")
    wrong = (
        not all(_LABEL.fullmatch(label) for label in labels)
        or labels[-1].isdigit()
        or len(ascii_form) > _LONGEST_DOMAIN
    )
    if wrong:
        raise DomainNameInvalid(masked=shown[:60])
    return ("*." if shown.startswith("*.") else "") + ascii_form


def read_ip_address(text: str) -> str:
    """An IPv4 or IPv6 address in its shortest form. Raises AddressInvalid."""
    shown = unicodedata.normalize("NFKC", text).strip()
    try:
        address = ipaddress.ip_address(shown)
    except ValueError as error:
        raise AddressInvalid(masked=shown[:45]) from error
    if "%" in shown:
        raise AddressInvalid(masked=shown[:45])
    return str(address)


def read_icp_number(text: str) -> str:
    """The number of an ICP filing, such as 闽ICP备12345678号-1. Raises FieldEmpty or IcpNumberInvalid."""
    shown = "".join(unicodedata.normalize("NFKC", text).split()).upper().replace("－", "-").replace("—", "-")
    if not shown:
        raise FieldEmpty(field=N_("ICP备案号"))
    found = _ICP.fullmatch(shown)
    if not found:
        raise IcpNumberInvalid(masked=shown[:30])
    return found[0]


def _read_serial(text: str) -> str:
    shown = unicodedata.normalize("NFKC", text).strip().upper()
    if not _SERIAL.fullmatch(shown):
        raise DeviceUnnamed
    return shown
