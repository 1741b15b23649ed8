"""Every address tried by every role and by a clerk of another region, from the table of rights (issue 4, tests).

A new page needs one word: ``@needs("…")`` on its view. A new kind of key in an address needs one line in ``KEYS``.
"""

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from django.urls import URLPattern, get_resolver

from banyan.domain.audit.models import AuditRecord
from banyan.domain.iam import dual_control, people
from banyan.domain.iam.errors import RightMissing
from banyan.domain.iam.models import RoleGrant, Session
from banyan.domain.iam.rights import DUAL_KINDS, POINT_ROLES, ROLE_RIGHTS, Role
from banyan.domain.parties.actions import open_issuing_point, register_organization
from banyan.domain.parties.models import Device, IssuingPoint, Organization
from banyan.kernel.clock import now
from banyan.web.needs import Needs, needs_of
from banyan.web.sessions import SESSION_COOKIE
from support.iam import account_with, session_of, staff
from support.pages import GULOU, NAMES, PINGTAN, XIAMEN, Office, account_of, office, session_token
from support.parties import organization_entry

pytestmark = pytest.mark.django_db(transaction=True)
SECRET_OF_NOBODY = "x" * 43
NOTHING = 999_999
# The key in an address → one within everybody's sight, by its name.
Maker = Callable[[Office], Any]
KEYS: dict[str, Maker] = {
    "pair_id": lambda made: made.pairs["valid"].pk,
    "request_id": lambda made: made.requests["precheck"].pk,
    "use": lambda _made: "signing",
    "number": lambda _made: AuditRecord.objects.order_by("pk").values_list("pk", flat=True)[0],
    "sealed": lambda _made: "AAAA",
    "code": lambda _made: "sm2-personal",
    "secret": lambda _made: SECRET_OF_NOBODY,
    "form": lambda _made: "nothing",
    "account_id": lambda _made: account_of("newcomer").pk,
    "session_id": lambda _made: Session.objects.filter(account__username="fuzhou").earliest("pk").pk,
    "grant_id": lambda _made: RoleGrant.objects.get(account__username="fuzhou").pk,
    "dual_id": lambda _made: dual_control.DualControlRequest.objects.latest("pk").pk,
    "point_id": lambda _made: point_in(GULOU),
    "pk": lambda made: made.people[0].pk,
    "stop_id": lambda _made: NOTHING,
    "key_id": lambda _made: "0" * 16,
    "business": lambda _made: "enroll",
    "system": lambda _made: "GENERAL",
    "kind": lambda _made: "PERSONAL",
    "field": lambda _made: "name",
    "name": lambda _made: "nothing",
    "document": lambda _made: "process:counter",
    "year": lambda _made: 2026,
    "change_id": lambda _made: NOTHING,
    "parcel_id": lambda _made: NOTHING,
    "version_id": lambda _made: NOTHING,
    "import_id": lambda _made: 999_999,
    "material_id": lambda _made: NOTHING,
    "held_id": lambda _made: NOTHING,
    "sheet": lambda _made: 1,
    "which": lambda _made: "all",
    "what": lambda _made: "result",
}
# Where the same name is the key of something else.
KEYS_AT: dict[tuple[str, str], Maker] = {
    ("files_organization", "pk"): lambda _made: Organization.objects.unscoped("tests").latest("pk").pk,
    ("files_device", "pk"): lambda _made: Device.objects.unscoped("tests").earliest("pk").pk,
    ("settings_system", "code"): lambda _made: "GENERAL",
    ("settings_switch", "code"): lambda _made: "GENERAL",
    ("settings_process", "code"): lambda _made: "counter",
    ("request_paper", "code"): lambda _made: "intake_receipt",
    **{
        (name, "code"): lambda _made: "intake_receipt"
        for name in ("paper", "paper_ask", "paper_preview", "paper_source")
    },
    **{
        (name, "number"): lambda _made: 0
        for name in ("paper_preview", "paper_source", "paper_return", "settings_version")
    },
}
# Addresses whose thing this office has not got: they open to a page that says so.
ABSENT = frozenset({
    "sheet", "sheet_go", "sheet_download", "stop_call_off", "agent_end", "issuing_files", "settings_change", "settings_decide",
    "delivery_parcel", "paper_picture", "paper_picture_file", "paper_confirm", "paper_withdraw", "paper_return",
    "request_label", "request_labels", "material_page", "material_thumb", "material_original", "material_remove", "held_retry",
    "held_drop",
})  # fmt: skip
# Of things with a region, one elsewhere: nobody whose sight ends at 福州 finds it.
ELSEWHERE: dict[str, Maker] = {
    "pair_id": lambda made: made.pairs["pingtan"].pk,
    "request_id": lambda made: made.pairs["pingtan"].request_id,
    "point_id": lambda _made: point_in(PINGTAN),
    "pk": lambda made: made.people[NAMES.index("吴岚屿")].pk,
}


def point_in(region: str) -> int:
    return int(IssuingPoint.objects.unscoped("tests").get(region_code=region).pk)


@pytest.fixture
def made() -> Office:
    made = office()
    register_organization(made.actors["clerk"], organization_entry(77, region=GULOU), now=now())
    manager = staff(Role.SYSTEM_ADMIN)
    for region in (GULOU, PINGTAN, XIAMEN):
        open_issuing_point(manager, code=f"P-{region}", name=f"测试签发点{region}", region_code=region, now=now())
    for username, role in (("kmc", Role.KMC_OFFICER), ("operator", Role.CA_OPERATOR)):
        session_of(account_with(role, username=username))
    point = {"regions": [GULOU], "point_id": point_in(GULOU)}
    session_of(account_with(Role.POINT_CLERK, username="point", **point))  # type: ignore[arg-type]
    asks = staff(Role.SECURITY_ADMIN)
    people.ask_for_role(
        actor=asks, account=account_of("newcomer"), role=Role.PROOFREADER, regions=None, now=now()
    )  # fmt: skip
    return made


# Their key is no thing of 平潭 here: the sample has one body and one device, of 鼓楼.
NOT_OF_A_REGION = frozenset({"files_organization", "files_device"})
WHO = {
    Role.SYSTEM_ADMIN: "sysadmin", Role.SECURITY_ADMIN: "secadmin", Role.AUDIT_ADMIN: "auditadmin", Role.CLERK: "clerk",
    Role.PROOFREADER: "proofreader", Role.APPROVER: "approver", Role.KMC_OFFICER: "kmc", Role.CA_OPERATOR: "operator",
    Role.POINT_CLERK: "point",
}  # fmt: skip


def addresses() -> dict[str, URLPattern]:
    return {str(one.name): one for one in get_resolver().url_patterns if isinstance(one, URLPattern)}


def names_in(pattern: URLPattern) -> list[str]:
    return [name for name in pattern.pattern.converters if name not in pattern.default_args]


def address_of(pattern: URLPattern, values: dict[str, Any]) -> str:
    from django.urls import reverse

    return reverse(str(pattern.name), kwargs={name: values[name] for name in names_in(pattern)})


def browser(username: str) -> Client:
    client = Client()
    client.cookies[SESSION_COOKIE] = session_token(username)
    return client


def test_every_address_says_which_rights_open_it() -> None:
    undeclared = [name for name, one in addresses().items() if needs_of(one.callback) is None and not _is_public(one)]
    assert not undeclared, f"@needs(...) is missing on the views of {undeclared}"
    both = [name for name, one in addresses().items() if needs_of(one.callback) is not None and _is_public(one)]
    assert not both
    unknown = {name for one in addresses().values() for name in names_in(one)} - set(KEYS)
    assert not unknown, f"KEYS of this test does not know {unknown}"


def test_every_role_has_somebody_here_and_every_right_somebody_who_holds_it() -> None:
    assert set(WHO) == set(Role)
    assert set(Role) >= POINT_ROLES
    assert "requests.approve" not in ROLE_RIGHTS[Role.POINT_CLERK]
    for kind in DUAL_KINDS.values():
        held_by = {role for role, rights in ROLE_RIGHTS.items() if kind.confirm_right in rights}
        assert held_by, kind


@pytest.mark.parametrize("role", list(Role))
def test_every_address_opens_to_whom_the_table_says_and_to_nobody_else(made: Office, role: Role) -> None:
    """A8, F8: a page opens by right; without it there is no page, and the audit says who tried."""
    client = browser(WHO[role])
    values = {name: make(made) for name, make in KEYS.items()}
    held = ROLE_RIGHTS[role]
    wrong = []
    for name, pattern in sorted(addresses().items()):
        declared = needs_of(pattern.callback)
        if declared is None or name == "logout":
            continue
        is_open = set(declared.every) <= held and (not declared.one_of or bool(set(declared.one_of) & held))
        own = {key: make(made) for (place, key), make in KEYS_AT.items() if place == name}
        url = address_of(pattern, {**values, **own})
        for method in ("get", "post"):
            before = _refusals(name)
            response = getattr(client, method)(url)
            noted = _refusals(name) - before
            is_there = method == "get" and name not in ABSENT
            if not _is_as_declared(declared, is_open, response.status_code, noted, is_there=is_there):
                wrong.append(f"{method} {url} ({name}) for {role}: {response.status_code}, {noted} refusals noted")
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("username", ["fuzhou", "point"])
def test_what_lies_in_another_region_is_not_there(made: Office, username: str) -> None:
    """A9: 福州 finds nothing of 平潭 (350128), whose code begins as its own does, at any address, to look or to write."""
    client = browser(username)
    here = {name: make(made) for name, make in KEYS.items()}
    elsewhere = {**here, **{name: make(made) for name, make in ELSEWHERE.items()}}
    found = []
    for name, pattern in addresses().items():
        if needs_of(pattern.callback) is None or not set(names_in(pattern)) & set(ELSEWHERE) or name in NOT_OF_A_REGION:
            continue
        for method in ("get", "post"):
            response = getattr(client, method)(address_of(pattern, elsewhere))
            if response.status_code not in (404, 405, 400, 415):
                found.append(f"{method} {name}: {response.status_code}")
    assert not found, found


def test_nobody_gets_in_without_a_session(made: Office) -> None:
    values = {name: make(made) for name, make in KEYS.items()}
    for pattern in addresses().values():
        if needs_of(pattern.callback) is not None:
            for method in ("get", "post"):
                response = getattr(Client(), method)(address_of(pattern, values))
                assert response.status_code == 302, pattern.name
                assert response["Location"].startswith("/login"), pattern.name


def _is_public(pattern: URLPattern) -> bool:
    return bool(getattr(pattern.callback, "is_public", False))


def _refusals(name: str) -> int:
    return AuditRecord.objects.filter(
        event=f"web.{name}", outcome="refused", detail__contains=RightMissing.code
    ).count()


def _is_as_declared(declared: Needs, is_open: bool, status: int, noted: int, *, is_there: bool) -> bool:
    if not is_open:
        return status == 404 and noted == 1
    if status >= 500:
        return False
    if is_there:
        return noted == 0 and status in (200, 302, 405)
    # A form with nothing in it is refused in many ways, but never for want of a right; where one of several rights opens
    # the page, the thing itself decides by its kind.
    return noted == 0 or bool(declared.one_of)
