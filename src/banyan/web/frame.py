"""What every page shows around its content: navigation, language, the mark of a sample."""

from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.urls import reverse
from django.utils.functional import SimpleLazyObject
from django.utils.translation import gettext_lazy as _

from banyan.domain.iam import access, rights
from banyan.kernel.actor import Actor

# page name, word, icon, right that opens it, names of the pages below it
_ENTRIES = (
    ("dashboard", _("运行总览"), "layout-dashboard", None, ("figures",)),
    ("certificates", _("证书"), "file-certificate", "certificates.read", ("certificate",)),
    ("requests", _("申请单"), "inbox", "requests.read", ("request",)),
    ("staff", _("人员"), "users", "iam.read", ()),
    ("audit", _("审计"), "history", "audit.read", ("audit_record",)),
)


def frame(request: HttpRequest) -> dict[str, Any]:
    """Context for every template. Touches no database before a template asks for the person's name."""
    actor = getattr(request, "actor", None)
    match = request.resolver_match
    here = (match.url_name or "") if match else ""
    entries = [
        {"url": reverse(name), "icon": icon, "name": word, "current": here == name or here in below}
        for name, word, icon, right, below in _ENTRIES
        if actor is not None and (right is None or rights.has(actor, right))
    ]
    return {
        "navigation": entries,
        "is_sample": settings.BANYAN.state == "sample",
        "can_search": actor is not None and all(rights.has(actor, right) for right in SEARCH_RIGHTS),
        "person_name": SimpleLazyObject(lambda: _name_of(actor)),
    }


# Searching looks through all of these at once.
SEARCH_RIGHTS = ("requests.read", "certificates.read", "parties.read", "tokens.read")


def _name_of(actor: Actor | None) -> str:
    return access.names_of([actor.id]).get(actor.id, actor.name) if actor is not None else ""
