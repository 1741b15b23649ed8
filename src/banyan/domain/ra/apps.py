"""Django application of the service requests."""

from django.apps import AppConfig


class RaConfig(AppConfig):
    name = "banyan.domain.ra"
    label = "ra"
    default_auto_field = "django.db.models.BigAutoField"
