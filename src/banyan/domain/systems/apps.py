"""Django application of the issuing systems."""

from django.apps import AppConfig


class SystemsConfig(AppConfig):
    name = "banyan.domain.systems"
    label = "systems"
    default_auto_field = "django.db.models.BigAutoField"
