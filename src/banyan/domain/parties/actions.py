"""The only writes to parties: one function a verb, each audited. Bulk forms take thousands of rows at once."""

from .changing import (
    DeviceChanges,
    OrganizationChanges,
    PersonChanges,
    update_device,
    update_organization,
    update_person,
)
from .installing import install_regions
from .looking import RevealedPerson, look_up_holdings, look_up_holdings_of_many, reveal_person
from .points import open_issuing_point, update_issuing_point
from .registering import (
    DeviceEntry,
    OrganizationEntry,
    PersonEntry,
    register_device,
    register_devices,
    register_organization,
    register_organizations,
    register_people,
    register_person,
)

__all__ = [
    "DeviceChanges",
    "DeviceEntry",
    "OrganizationChanges",
    "OrganizationEntry",
    "PersonChanges",
    "PersonEntry",
    "RevealedPerson",
    "install_regions",
    "look_up_holdings",
    "look_up_holdings_of_many",
    "open_issuing_point",
    "register_device",
    "register_devices",
    "register_organization",
    "register_organizations",
    "register_people",
    "register_person",
    "reveal_person",
    "update_device",
    "update_issuing_point",
    "update_organization",
    "update_person",
]
