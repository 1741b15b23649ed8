"""What commands share: the installation, Django set up only when a command needs it, and how errors reach a person."""

import os

from banyan.kernel.home import Home


def django_setup() -> Home:
    """Set Django up for the installation named by the environment; returns its places."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "banyan.config.django")
    import django
    from django.conf import settings

    django.setup()
    home: Home = settings.HOME
    return home
