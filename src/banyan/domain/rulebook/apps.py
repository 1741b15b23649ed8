"""The rulebook's application."""

from django.apps import AppConfig


class RulebookConfig(AppConfig):
    """Registered as ``banyan.domain.rulebook``."""

    name = "banyan.domain.rulebook"
    label = "rulebook"
    default_auto_field = "django.db.models.BigAutoField"
