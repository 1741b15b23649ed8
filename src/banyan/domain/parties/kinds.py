"""The kinds of things this package knows, as stored and as shown. Free of the database."""

from django.db import models
from django.utils.translation import gettext_lazy as _


class RegionLevel(models.TextChoices):
    """What a region is in the tree of GB/T 2260; a business area is run by the province like a prefecture."""

    PROVINCE = "PROVINCE", _("省")
    PREFECTURE = "PREFECTURE", _("设区市")
    COUNTY = "COUNTY", _("县（市、区）")
    BUSINESS_AREA = "BUSINESS_AREA", _("综合实验区")


class OrganizationKind(models.TextChoices):
    """By the department and category of the credit code (GB 32100 §4)."""

    GOVERNMENT = "GOVERNMENT", _("机关")
    PUBLIC_INSTITUTION = "PUBLIC_INSTITUTION", _("事业单位")
    MASS_ORGANIZATION = "MASS_ORGANIZATION", _("群团")
    SOCIAL_ORGANIZATION = "SOCIAL_ORGANIZATION", _("社会组织")
    ENTERPRISE = "ENTERPRISE", _("企业")
    OTHER = "OTHER", _("其他")


class IdentityType(models.TextChoices):
    """Documents a person is known by."""

    RESIDENT = "RESIDENT", _("居民身份证")
    RESIDENCE_PERMIT = "RESIDENCE_PERMIT", _("港澳台居民居住证")
    FOREIGN_PERMANENT = "FOREIGN_PERMANENT", _("外国人永久居留身份证")
    PASSPORT = "PASSPORT", _("护照")
    MILITARY = "MILITARY", _("军人证件")


class NamedKind(models.IntegerChoices):
    """What an entry of the name index points to."""

    PERSON = 1
    ORGANIZATION = 2
    DEVICE = 3
