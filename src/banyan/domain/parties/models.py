"""Regions, issuing points, organisations, people and devices as rows.

Numbers of people and their telephones are never stored in clear: a sealed form (``*_sealed``), a keyed index for exact
search (``*_index``) and the form that pages show (``*_masked``) stand side by side.
"""

from django.db import models

from .identity_rules import IdentityNumber
from .kinds import IdentityType, NamedKind, OrganizationKind, RegionLevel
from .scoping import RegionScoped

__all__ = [
    "Device", "IdentityType", "IssuingPoint", "NameGram", "NamedKind", "Organization", "OrganizationKind", "Person",
    "Region", "RegionClosure", "RegionLevel", "RetiredRegion",
]  # fmt: skip


class OnRecord(RegionScoped):
    """Base of who and what is put on record by registering."""

    # Whether the action that gave this instance has just put it on record; not stored.
    is_new = False

    class Meta:
        abstract = True


class Region(models.Model):
    """A region by its GB/T 2260 code (六位行政区划代码)."""

    code = models.CharField(max_length=6, primary_key=True)
    name = models.CharField(max_length=40)
    other_names = models.CharField(max_length=200, blank=True)
    level = models.CharField(max_length=14, choices=RegionLevel.choices)
    parent = models.ForeignKey("self", null=True, on_delete=models.PROTECT, related_name="children")

    class Meta:
        db_table = "parties_region"
        ordering = ["code"]

    def __str__(self) -> str:
        return f"{self.code} {self.name}"


class RegionClosure(models.Model):
    """Every pair (a region, itself or one below it)."""

    ancestor = models.CharField(max_length=6)
    descendant = models.CharField(max_length=6)

    class Meta:
        db_table = "parties_regionclosure"
        constraints = [models.UniqueConstraint(fields=["ancestor", "descendant"], name="parties_closure_once")]
        indexes = [models.Index(fields=["descendant"], name="parties_closure_up")]


class RetiredRegion(models.Model):
    """A code that is no longer given out and the one that took its place."""

    code = models.CharField(max_length=6, primary_key=True)
    name = models.CharField(max_length=40, blank=True)
    current = models.ForeignKey(Region, on_delete=models.PROTECT, related_name="retired_codes")

    class Meta:
        db_table = "parties_retiredregion"


class IssuingPoint(RegionScoped):
    """A place where certificates are issued and tokens lie (签发点)."""

    code = models.CharField(max_length=20, unique=True)
    name = models.CharField(max_length=60)
    # Where and when it is open, and its desk's telephone: what the public is told.
    address = models.CharField(max_length=200, blank=True)
    phone = models.CharField(max_length=40, blank=True)
    open_hours = models.CharField(max_length=100, blank=True)
    is_active = models.BooleanField(default=True)
    version = models.PositiveIntegerField(default=1)

    class Meta:
        db_table = "parties_issuingpoint"

    def __str__(self) -> str:
        return self.name


class Organization(OnRecord):
    """A body that has or answers for certificates (单位). Its credit code and name are public: stored in clear."""

    name = models.CharField(max_length=200)
    name_key = models.CharField(max_length=200)
    uscc = models.CharField(max_length=18, unique=True)
    organization_kind = models.CharField(
        max_length=20, choices=OrganizationKind.choices, default=OrganizationKind.OTHER
    )
    version = models.PositiveIntegerField(default=1)
    created_at = models.DateTimeField()

    class Meta:
        db_table = "parties_organization"
        indexes = [models.Index(fields=["region_code", "id"], name="parties_org_region")]

    def __str__(self) -> str:
        return self.name


class Person(OnRecord):
    """A person who holds certificates or handles them for a body."""

    # The number in clear, on the instance with which the person was just put on record; not stored, masked when shown.
    number_read: IdentityNumber | None = None

    name = models.CharField(max_length=60)
    name_key = models.CharField(max_length=60)
    id_type = models.CharField(max_length=20, choices=IdentityType.choices)
    id_sealed = models.BinaryField()
    id_index = models.BinaryField(max_length=16, unique=True)
    id_masked = models.CharField(max_length=24)
    phone_sealed = models.BinaryField(null=True)
    phone_index = models.BinaryField(max_length=16, null=True)
    phone_masked = models.CharField(max_length=16, blank=True)
    organization = models.ForeignKey(Organization, null=True, on_delete=models.PROTECT, related_name="people")
    version = models.PositiveIntegerField(default=1)
    created_at = models.DateTimeField()

    class Meta:
        db_table = "parties_person"
        indexes = [
            models.Index(fields=["region_code", "id"], name="parties_person_region"),
            models.Index(fields=["phone_index"], name="parties_person_phone"),
        ]

    def __str__(self) -> str:
        return self.name


class Device(OnRecord):
    """A server, a gateway or a site that holds a certificate (设备). ``identity_key`` is what makes it one device."""

    name = models.CharField(max_length=200)
    name_key = models.CharField(max_length=200)
    identity_key = models.CharField(max_length=330, unique=True)
    domain_name = models.CharField(max_length=253, blank=True)
    ip_address = models.CharField(max_length=45, blank=True)
    icp_number = models.CharField(max_length=40, blank=True)
    serial_number = models.CharField(max_length=64, blank=True)
    organization = models.ForeignKey(Organization, null=True, on_delete=models.PROTECT, related_name="devices")
    version = models.PositiveIntegerField(default=1)
    created_at = models.DateTimeField()

    class Meta:
        db_table = "parties_device"
        indexes = [models.Index(fields=["region_code", "id"], name="parties_device_region")]

    def __str__(self) -> str:
        return self.name


class NameGram(models.Model):
    """One fragment of a name and who bears it: the index behind the search box, alike on every database.

    Written by ``name_index`` only. Fragments: see ``name_grams``.
    """

    pk = models.CompositePrimaryKey("kind", "gram", "object_id")
    kind = models.SmallIntegerField()
    gram = models.CharField(max_length=64)
    object_id = models.BigIntegerField()

    class Meta:
        db_table = "parties_namegram"
