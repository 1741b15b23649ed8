"""Django's entry."""

from django.apps import AppConfig


class ContentConfig(AppConfig):
    """Notices."""

    name = "banyan.domain.content"
    label = "content"
