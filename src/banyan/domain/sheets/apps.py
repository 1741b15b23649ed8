"""Django's entry."""

from django.apps import AppConfig


class SheetsConfig(AppConfig):
    """Sheets of applications."""

    name = "banyan.domain.sheets"
    label = "sheets"
    default_auto_field = "django.db.models.BigAutoField"
