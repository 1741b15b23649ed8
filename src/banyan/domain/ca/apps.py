"""Django application of the certification authorities."""

from django.apps import AppConfig


class CaConfig(AppConfig):
    name = "banyan.domain.ca"
    label = "ca"
    default_auto_field = "django.db.models.BigAutoField"
