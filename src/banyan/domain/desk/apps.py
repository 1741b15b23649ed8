"""The desk's application."""

from django.apps import AppConfig


class DeskConfig(AppConfig):
    """Registered as ``banyan.domain.desk``."""

    name = "banyan.domain.desk"
    label = "desk"
