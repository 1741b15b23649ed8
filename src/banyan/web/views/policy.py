"""安全策略 and 权限表: what the installation asks of passwords and sessions; who may do what."""

from django.http import HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from banyan.domain.iam import rights
from banyan.domain.iam.policy import SETTINGS, ask_for_policy, policy
from banyan.domain.iam.right_names import RIGHTS
from banyan.domain.iam.staff_login import Method, ask_for_staff_login, staff_login
from banyan.kernel import clock
from banyan.web.middleware import StaffRequest
from banyan.web.needs import needs
from banyan.web.posting import REFUSED, post
from banyan.web.reading.confirmations import number_in_words

_METHOD = "method"


@needs("iam.read")
@require_safe
def show(request: StaffRequest) -> HttpResponse:
    """The policy in force, and the form that asks for another one."""
    return _show(request)


@needs("systems.configure")
@require_http_methods(["POST"])
def ask(request: StaffRequest) -> HttpResponse:
    """Ask for other numbers; an administrator of another role confirms."""
    sent = {name: request.POST.get(name, "0" if SETTINGS[name].is_switch else "").strip() for name in SETTINGS}
    bad = [name for name, text in sent.items() if not (text.isdecimal() and len(text) <= 4)]
    if bad:
        names = _("、").join(_(SETTINGS[name].name) for name in bad)
        return _show(request, _("{names}：请填写整数。").format(names=names))

    def work() -> None:
        changes = {name: int(text) for name, text in sent.items()}
        ask_for_policy(actor=request.actor, changes=changes, now=clock.now())

    return post(request, "policy", work, told=_asked(), to="policy", again=lambda why: _show(request, why))


@needs("systems.configure")
@require_http_methods(["POST"])
def ask_for_method(request: StaffRequest) -> HttpResponse:
    """Ask for another way to log in."""
    wanted = request.POST.get(_METHOD, "")
    if wanted not in set(Method):
        return _show(request, _("请选择登录方式。"))

    def work() -> None:
        ask_for_staff_login(actor=request.actor, method=Method(wanted), now=clock.now())

    return post(request, "staff_login", work, told=_asked(), to="policy", again=lambda why: _show(request, why))


@needs("iam.read")
@require_safe
def rights_table(request: StaffRequest) -> HttpResponse:
    """Roles and rights in words, from the one table."""
    roles = list(rights.Role)
    groups: dict[str, list[tuple[str, str, list[bool]]]] = {}
    for right, name in RIGHTS.items():
        held = [right in rights.ROLE_RIGHTS[role] for role in roles]
        groups.setdefault(right.partition(".")[0], []).append((right, _(name), held))
    kinds = [
        (_(kind.title), _(RIGHTS[kind.request_right]), _(RIGHTS[kind.confirm_right]))
        for kind in rights.DUAL_KINDS.values()
    ]
    context = {
        "roles": [_(rights.ROLE_NAMES[role]) for role in roles],
        "rows": [row for group in groups.values() for row in group],
        "kinds": kinds,
    }
    return render(request, "web/rights.html", context)


def _show(request: StaffRequest, error: str = "") -> HttpResponse:
    held = policy().numbers
    settings = [
        {
            "name": name,
            "word": _(setting.name),
            "unit": _(setting.unit) if setting.unit else "",
            "note": _(setting.note) if setting.note else "",
            "setting": setting,
            "shown": number_in_words(name, held[name]),
            "typed": request.POST.get(name, "" if request.method == "POST" and setting.is_switch else held[name]),
        }
        for name, setting in SETTINGS.items()
    ]
    method = staff_login()
    context = {
        "settings": settings,
        "methods": [(one.value, _(one.label)) for one in Method],
        "method": method.value,
        "method_name": _(method.label),
        "may_ask": rights.has(request.actor, "systems.configure"),
        "error": error,
    }
    return render(request, "web/policy.html", context, status=REFUSED if error else 200)


def _asked() -> str:
    return _("申请已提出，等待另一名管理员在“待确认”中确认。")
