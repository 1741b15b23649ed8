"""What commands share: the installation, Django set up only when a command needs it, and how errors reach a person."""

import os

from banyan.kernel.errors import N_, BanyanError
from banyan.kernel.home import Home
from banyan.kernel.memory import settle_memory


class NotInstalled(BanyanError):
    """There is no installation here."""

    code = "cli.not_installed"
    message = N_("{home} 里没有安装。先运行 banyan init。")


def django_setup(*, is_inspection: bool = False) -> Home:
    """Set Django up for the installation named by the environment; returns its places.

    Raises SettingsForbidden when settings would have a production installation work as it must not; only the inspection that
    tells about such settings goes on all the same.
    """
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "banyan.config.django")
    import django
    from django.conf import settings

    from banyan.config.production import ensure_allowed

    django.setup()
    if not is_inspection:
        ensure_allowed(settings.BANYAN)
    settle_memory()
    home: Home = settings.HOME
    return home
