"""Django application of the parties."""

from django.apps import AppConfig


class PartiesConfig(AppConfig):
    name = "banyan.domain.parties"
    label = "parties"
    default_auto_field = "django.db.models.BigAutoField"
