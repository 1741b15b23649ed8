"""What every page shows around its content: navigation, language, the mark of a sample."""

from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from banyan.domain.iam import rights

# page name, word, icon, right that opens it
_ENTRIES = (
    ("dashboard", _("运行总览"), "layout-dashboard", None),
    ("certificates", _("证书"), "file-certificate", "certificates.read"),
    ("requests", _("申请单"), "inbox", "requests.read"),
    ("staff", _("人员"), "users", "iam.read"),
    ("audit", _("审计"), "history", "audit.read"),
)


def frame(request: HttpRequest) -> dict[str, Any]:
    """Context for every template."""
    actor = getattr(request, "actor", None)
    match = request.resolver_match
    here = (match.url_name or "") if match else ""
    entries = [
        {
            "url": reverse(name),
            "icon": icon,
            "name": word,
            "current": here == name or here.startswith(name.rstrip("s")),
        }
        for name, word, icon, right in _ENTRIES
        if actor is not None and (right is None or rights.has(actor, right))
    ]
    return {"navigation": entries, "is_sample": settings.BANYAN.state == "sample"}
