"""What commands share: the installation, Django set up only when a command needs it, and how errors reach a person."""

import os

from banyan.kernel.errors import N_, BanyanError
from banyan.kernel.home import Home
from banyan.kernel.memory import settle_memory


class NotInstalled(BanyanError):
    """There is no installation here."""

    code = "cli.not_installed"
    message = N_("{home} 里没有安装。先运行 banyan init。")


def django_setup() -> Home:
    """Set Django up for the installation named by the environment; returns its places."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "banyan.config.django")
    import django
    from django.conf import settings

    django.setup()
    settle_memory()
    home: Home = settings.HOME
    return home
