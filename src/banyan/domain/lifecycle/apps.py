"""Django application of the six businesses."""

from django.apps import AppConfig


class LifecycleConfig(AppConfig):
    name = "banyan.domain.lifecycle"
    label = "lifecycle"
    default_auto_field = "django.db.models.BigAutoField"
