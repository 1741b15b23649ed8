"""Django application of the recovery of escrowed keys."""

from django.apps import AppConfig


class KmcConfig(AppConfig):
    name = "banyan.domain.kmc"
    label = "kmc"
    default_auto_field = "django.db.models.BigAutoField"
