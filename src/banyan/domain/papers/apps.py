"""Django's entry."""

from django.apps import AppConfig


class PapersConfig(AppConfig):
    """Printed papers."""

    name = "banyan.domain.papers"
    label = "papers"
    default_auto_field = "django.db.models.BigAutoField"
