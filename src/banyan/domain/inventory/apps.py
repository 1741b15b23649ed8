"""Django application of the token stock."""

from django.apps import AppConfig


class InventoryConfig(AppConfig):
    name = "banyan.domain.inventory"
    label = "inventory"
    default_auto_field = "django.db.models.BigAutoField"
