"""The national roots and what belongs to them, shipped as data; ``README.md`` here tells where from."""

from importlib.resources import files
from typing import Final

from banyan.pki import armor

_ROOTS: Final = ("rootca.pem", "civil_servant_root.pem", "device_root.pem")
_INTERMEDIATES: Final = ("tjca.pem",)


def national_roots() -> tuple[bytes, ...]:
    """Self-signed national roots in DER: ROOTCA, Civil Servant ROOT (government CAs), Device ROOT."""
    return tuple(_certificate(name) for name in _ROOTS)


def national_intermediates() -> tuple[bytes, ...]:
    """Known CA certificates below the national roots, DER."""
    return tuple(_certificate(name) for name in _INTERMEDIATES)


def civil_servant_arl() -> bytes:
    """The authority revocation list of Civil Servant ROOT of May 2022, DER; long expired."""
    return files(__name__).joinpath("civil_servant_root.crl").read_bytes()


def _certificate(name: str) -> bytes:
    return armor.unwrap(files(__name__).joinpath(name).read_bytes())[1]
