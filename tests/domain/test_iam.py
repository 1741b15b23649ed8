"""Log-in, lock-out, roles and two-person control (F8, GB/T 22239-2019 8.1.4 and 8.1.5)."""

from datetime import timedelta

import pytest
from argon2 import PasswordHasher
from django.conf import settings
from django.db import connection
from django.utils.translation import override

from banyan.cli.messages import translated
from banyan.domain.audit.errors import RowForged
from banyan.domain.audit.models import AuditRecord
from banyan.domain.iam import access, actions, dual_control, login, passwords, rights, rules
from banyan.domain.iam.errors import (
    AccountExists,
    AlreadyPrepared,
    DualControlError,
    DualRequestClosed,
    DualRequestExpired,
    GrantExists,
    InstallationDiffers,
    LinkInvalid,
    LoginRefused,
    PasswordTooWeak,
    RegionsDiffer,
    RightMissing,
    RolesExclusive,
    SamePerson,
    SampleOnly,
    SecondPersonNeeded,
    SessionInvalid,
    SessionNeeded,
    UsernameInvalid,
)
from banyan.domain.iam.installation import register_installation, registered
from banyan.domain.iam.models import Credential, DualControlRequest, LoginLink, RoleGrant, Session, StaffAccount
from banyan.domain.iam.rights import Role
from banyan.domain.iam.sample_links import renew_sample_links
from banyan.kernel.actor import Actor, system_actor
from banyan.kernel.clock import now
from banyan.web import errors
from support.iam import PASSWORD, account_with, end_role_by_two, session_of, staff

pytestmark = pytest.mark.django_db
NOW = now()


@pytest.fixture(autouse=True)
def _cheap_hashing(monkeypatch: pytest.MonkeyPatch) -> None:
    """argon2id at its lowest cost: what is tested here is not how slow it is."""
    monkeypatch.setattr(passwords, "_HASHER", PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))


def refusals() -> list[str]:
    return list(AuditRecord.objects.exclude(outcome="ok").order_by("id").values_list("event", flat=True))


def grant(role: Role, account: StaffAccount, regions: list[str] | None = None) -> RoleGrant:
    """Grant a role as two administrators do."""
    security, system = staff(Role.SECURITY_ADMIN), staff(Role.SYSTEM_ADMIN)
    payload = actions.grant_payload(account, role, regions)
    request = dual_control.request_dual(actor=security, kind="iam.grant_role", payload=payload, now=NOW)
    request = dual_control.confirm_dual(actor=system, request=request, now=NOW)
    return actions.grant_role(actor=security, request=request, now=NOW)


def test_the_first_accounts_are_made_once_and_nobody_can_do_everything() -> None:
    roles = [role for role in Role if role not in rights.POINT_ROLES]  # there is no issuing point yet
    people = [(role.value.replace("_", ""), "测试", [role]) for role in roles]
    links = actions.prepare_first_accounts(people=people, now=NOW)
    assert len(links) == len(roles)
    for account in StaffAccount.objects.all():
        held = {Role(one.role) for one in access.genuine_grants(account)}
        assert rights.rights_of(frozenset(held)) != frozenset(rights.RIGHTS)
    with pytest.raises(AlreadyPrepared):
        actions.prepare_first_accounts(people=people, now=NOW)


def test_a_first_link_works_once_within_a_day_and_is_stored_hashed() -> None:
    link = actions.open_account(actor=staff(Role.SYSTEM_ADMIN), username="newcomer", display_name="新人", now=NOW)
    assert link.secret not in str(LoginLink.objects.filter(account=link.account).values().get())
    for moment in (NOW + timedelta(hours=24), NOW + timedelta(days=3)):
        with pytest.raises(LinkInvalid):
            login.log_in_with_link(secret=link.secret, password="Sturdy-9-oak", channel="web", now=moment)
    with pytest.raises(PasswordTooWeak):
        login.log_in_with_link(secret=link.secret, password="newcomer-9A", channel="web", now=NOW)
    opened = login.log_in_with_link(secret=link.secret, password="Sturdy-9-oak", channel="web", now=NOW)
    assert access.actor_from_session(opened.token, NOW).name == "newcomer"
    with pytest.raises(LinkInvalid):
        login.log_in_with_link(secret=link.secret, password="Sturdy-9-elm", channel="web", now=NOW)
    with pytest.raises(LinkInvalid):
        login.log_in_with_link(secret="guess", password="Sturdy-9-elm", channel="web", now=NOW)
    assert refusals() == ["iam.use_link"] * 4
    again = login.log_in(username="newcomer", password="Sturdy-9-oak", channel="web", now=NOW)
    assert again.session.credential_id == opened.session.credential_id


@pytest.mark.parametrize("password", ["Short-1", "alllowercase1", "12345678901", "Xclerk99-Y", "x" * 200])
def test_weak_passwords_are_refused(password: str) -> None:
    with pytest.raises(PasswordTooWeak):
        rules.ensure_password(password, "clerk99")


@pytest.mark.parametrize("username", ["ab", "Abc", "9abc", "a b", "a" * 33, "甲乙丙"])
def test_odd_user_names_are_refused(username: str) -> None:
    with pytest.raises(UsernameInvalid):
        actions.open_account(actor=staff(Role.SYSTEM_ADMIN), username=username, display_name="x", now=NOW)


def test_a_user_name_is_given_once() -> None:
    admin = staff(Role.SYSTEM_ADMIN)
    actions.open_account(actor=admin, username="twice", display_name="x", now=NOW)
    with pytest.raises(AccountExists):
        actions.open_account(actor=admin, username="twice", display_name="x", now=NOW)


def test_what_was_typed_as_a_user_name_is_recorded_as_a_digest_only() -> None:
    with pytest.raises(LoginRefused):
        login.log_in(username="My-Secret-Passw0rd", password="x", channel="web", now=NOW)
    record = AuditRecord.objects.latest("id")
    assert record.outcome == "refused"
    assert "Secret" not in record.detail + record.actor_name


def test_a_password_is_changed_with_the_old_one_and_the_last_five_do_not_return() -> None:
    person = staff(Role.CLERK)
    with pytest.raises(LoginRefused):
        login.change_password(actor=person, current="wrong", new="Sturdy-9-oak", now=NOW)
    before = PASSWORD
    for number in range(5):
        with pytest.raises(PasswordTooWeak):
            login.change_password(actor=person, current=before, new=PASSWORD, now=NOW)
        login.change_password(actor=person, current=before, new=f"Sturdy-{number}-oaks", now=NOW)
        before = f"Sturdy-{number}-oaks"
    login.change_password(actor=person, current=before, new=PASSWORD, now=NOW)
    assert Credential.objects.filter(account_id=person.id, replaced_at__isnull=True).count() == 1
    assert not Credential.objects.filter(secret_hash__contains=PASSWORD).exists()


def test_sessions_end_when_idle_too_old_logged_out_or_disabled() -> None:
    account = account_with(Role.CLERK)
    session_of(account)
    credential = Credential.objects.get(account=account)

    def opened() -> str:
        return actions.open_session(account=account, credential=credential, channel="web", now=NOW).token

    idle, old, out, stopped = opened(), opened(), opened(), opened()
    with pytest.raises(SessionInvalid):
        access.actor_from_session(idle, NOW + rules.SESSION_IDLE)
    moment = NOW
    while moment < NOW + rules.SESSION_LIFE:
        access.actor_from_session(old, moment)
        moment += timedelta(minutes=20)
    with pytest.raises(SessionInvalid):
        access.actor_from_session(old, NOW + rules.SESSION_LIFE)
    actions.log_out(actor=access.actor_from_session(out, NOW), now=NOW)
    with pytest.raises(SessionInvalid):
        access.actor_from_session(out, NOW)
    actions.set_account_active(actor=staff(Role.SYSTEM_ADMIN), account=account, is_active=False, now=NOW)
    with pytest.raises(SessionInvalid):
        access.actor_from_session(stopped, NOW)
    with pytest.raises(LoginRefused):
        login.log_in(username=account.username, password=PASSWORD, channel="web", now=NOW)
    with pytest.raises(SessionInvalid):
        access.actor_from_session("no such token", NOW)
    assert not Session.objects.filter(token_hash__in=[idle, old, out, stopped]).exists()


def test_a_role_needs_two_administrators_and_is_used_once() -> None:
    security, system = staff(Role.SECURITY_ADMIN), staff(Role.SYSTEM_ADMIN)
    account = account_with()
    payload = actions.grant_payload(account, Role.CLERK, ["350100"])
    request = dual_control.request_dual(actor=security, kind="iam.grant_role", payload=payload, now=NOW)
    with pytest.raises(DualRequestClosed):
        actions.grant_role(actor=security, request=request, now=NOW)  # nobody confirmed yet
    request = dual_control.confirm_dual(actor=system, request=request, now=NOW)
    actions.grant_role(actor=security, request=request, now=NOW)
    with pytest.raises(DualRequestClosed):
        actions.grant_role(actor=security, request=request, now=NOW)
    person = session_of(account)
    assert person.rights == rights.ROLE_RIGHTS[Role.CLERK]
    assert person.regions == frozenset({"350100"})


@pytest.mark.parametrize(
    ("held", "wanted"),
    [
        (Role.SYSTEM_ADMIN, Role.SECURITY_ADMIN),
        (Role.SECURITY_ADMIN, Role.AUDIT_ADMIN),
        (Role.AUDIT_ADMIN, Role.CLERK),
        (Role.APPROVER, Role.SYSTEM_ADMIN),
        (Role.KMC_OFFICER, Role.AUDIT_ADMIN),
    ],
)
def test_separated_roles_never_meet_in_one_account(held: Role, wanted: Role) -> None:
    with pytest.raises(RolesExclusive):
        grant(wanted, account_with(held))
    assert "iam.grant_role" in refusals()


def test_roles_of_an_account_reach_the_same_regions_and_are_given_once() -> None:
    account = account_with(Role.CLERK, regions=["350100"])
    with pytest.raises(RegionsDiffer):
        grant(Role.PROOFREADER, account)
    with pytest.raises(GrantExists):
        grant(Role.CLERK, account, ["350100"])
    grant(Role.PROOFREADER, account, ["350100"])


def test_a_role_taken_back_gives_no_rights() -> None:
    account = account_with(Role.CLERK)
    end_role_by_two(RoleGrant.objects.get(account=account), NOW)
    person = session_of(account)
    assert (person.rights, person.regions) == (frozenset(), frozenset())


def test_nobody_confirms_his_own_request_whatever_he_tries() -> None:
    """Same account, second session of the same credential, made-up session numbers: all refused and recorded."""
    account = account_with(Role.CA_OPERATOR)
    first = session_of(account)
    request = dual_control.request_dual(actor=first, kind="ca.rollover", payload={"ca": "X"}, now=NOW)
    second_session = session_of(account)
    assert second_session.session_id != first.session_id
    for actor in (first, second_session):
        with pytest.raises(SamePerson):
            dual_control.confirm_dual(actor=actor, request=request, now=NOW)
    other = staff(Role.CA_OPERATOR)
    claims = Actor("staff", other.id, other.name, first.session_id, first.credential_id, other.rights, None)
    with pytest.raises(SessionNeeded):
        dual_control.confirm_dual(actor=claims, request=request, now=NOW)
    without = Actor("staff", other.id, other.name, None, None, other.rights, None)
    with pytest.raises(SessionNeeded):
        dual_control.confirm_dual(actor=without, request=request, now=NOW)
    with pytest.raises(RightMissing):
        dual_control.confirm_dual(actor=staff(Role.CLERK), request=request, now=NOW)
    assert refusals() == ["iam.confirm_dual"] * 5
    assert dual_control.confirm_dual(actor=other, request=request, now=NOW).state == "CONFIRMED"


def test_a_request_expires_is_withdrawn_and_is_bound_to_its_content() -> None:
    first, second = staff(Role.CA_OPERATOR), staff(Role.CA_OPERATOR)

    def asked() -> DualControlRequest:
        return dual_control.request_dual(actor=first, kind="ca.rollover", payload={"ca": "X"}, now=NOW)

    with pytest.raises(DualRequestExpired):
        dual_control.confirm_dual(actor=second, request=asked(), now=NOW + rules.DUAL_LIFE)
    withdrawn = dual_control.withdraw_dual(actor=first, request=asked(), now=NOW)
    with pytest.raises(DualRequestClosed):
        dual_control.confirm_dual(actor=second, request=withdrawn, now=NOW)
    confirmed = dual_control.confirm_dual(actor=second, request=asked(), now=NOW)
    with pytest.raises(DualRequestClosed):
        dual_control.use_dual(actor=second, request=confirmed, kind="kmc.recover", now=NOW)
    with pytest.raises(DualRequestClosed):
        dual_control.use_dual(actor=staff(Role.CA_OPERATOR), request=confirmed, kind="ca.rollover", now=NOW)
    DualControlRequest.objects.filter(pk=confirmed.pk).update(payload='{"ca":"Y"}')
    with pytest.raises(Exception, match="完整性"):
        dual_control.use_dual(actor=second, request=confirmed, kind="ca.rollover", now=NOW)


def test_a_new_link_for_a_working_account_needs_a_second_person() -> None:
    """Otherwise whoever manages accounts could become anybody, even the second person."""
    system, security = staff(Role.SYSTEM_ADMIN), staff(Role.SECURITY_ADMIN)
    account = StaffAccount.objects.get(pk=security.id)
    with pytest.raises(SecondPersonNeeded):
        actions.renew_link(actor=system, account=account, now=NOW)
    request = dual_control.request_dual(actor=system, kind="iam.renew_link", payload={"account": account.pk}, now=NOW)
    request = dual_control.confirm_dual(actor=staff(Role.AUDIT_ADMIN), request=request, now=NOW)
    with pytest.raises(DualControlError):
        actions.renew_link(actor=system, account=StaffAccount.objects.get(pk=system.id), request=request, now=NOW)
    link = actions.renew_link(actor=system, account=account, request=request, now=NOW)
    assert link.secret
    with pytest.raises(SessionNeeded):
        dual_control.request_dual(actor=security, kind="iam.grant_role", payload={}, now=NOW)  # session ended


@pytest.mark.parametrize("kind", ["role", "session", "credential", "account"])
def test_forged_rows_give_nothing_and_raise_an_alarm(kind: str) -> None:
    account = account_with(Role.CLERK)
    credential_of = session_of(account).credential_id
    credential = Credential.objects.get(pk=credential_of)
    token = actions.open_session(account=account, credential=credential, channel="web", now=NOW).token
    if kind == "role":
        RoleGrant.objects.filter(account=account).update(role="approver")
        assert access.actor_from_session(token, NOW).rights == frozenset()
        assert refusals() == ["iam.role_forged"]
        return
    if kind == "session":
        Session.objects.filter(account=account).update(expires_at=NOW + timedelta(days=999))
    elif kind == "credential":
        Credential.objects.filter(account=account).update(secret_hash="$argon2id$another")
    else:
        StaffAccount.objects.filter(pk=account.pk).update(display_name="x")
    with pytest.raises(SessionInvalid):
        access.actor_from_session(token, NOW)
    assert refusals() == ["iam.session_read"]


def test_a_password_hash_put_in_by_hand_opens_nothing() -> None:
    session_of(account_with(Role.CLERK, username="victim"))
    mine = Credential.objects.exclude(account__username="victim").first() or Credential.objects.get()
    Credential.objects.filter(account__username="victim").update(secret_hash=mine.secret_hash, created_at=NOW)
    with pytest.raises(LoginRefused):
        login.log_in(username="victim", password=PASSWORD, channel="web", now=NOW)


def test_a_session_put_in_by_hand_opens_nothing() -> None:
    account = account_with(Role.APPROVER)
    session_of(account)
    real = Session.objects.get(account=account)
    real.pk, real.token_hash = 10_000, actions.hashed("mine")
    Session.objects.bulk_create([real])
    with pytest.raises(SessionInvalid):
        access.actor_from_session("mine", NOW)


def test_the_table_of_rights_holds_together() -> None:
    assert set(rights.ROLE_RIGHTS) == set(Role) == set(rights.ROLE_NAMES)
    given = frozenset().union(*rights.ROLE_RIGHTS.values())
    assert given == set(rights.RIGHTS), "a right nobody holds, or a right without a description"
    assert set(rights.RIGHTS) >= rights.SYSTEM_RIGHTS
    for kind in rights.DUAL_KINDS.values():
        assert {kind.request_right, kind.confirm_right} <= set(rights.RIGHTS)
    business = {"requests.enter", "requests.proofread", "requests.approve"}
    for role in Role:
        assert len(rights.ROLE_RIGHTS[role] & business) <= 1, "four eyes: one role holds one of the three"
        if role in rights.ADMINISTRATORS:
            assert not any(right.startswith("requests.") for right in rights.ROLE_RIGHTS[role])


def test_rights_are_asked_by_name_and_the_system_has_few() -> None:
    person = staff(Role.PROOFREADER)
    rights.require(person, "requests.proofread")
    with pytest.raises(RightMissing):
        rights.require(person, "requests.approve")
    with pytest.raises(KeyError):
        rights.require(person, "requests.aprove")
    rights.require(system_actor("job"), "audit.checkpoint")
    with pytest.raises(RightMissing):
        rights.require(system_actor("job"), "requests.approve")


def test_passwords_are_kept_with_argon2id_at_full_cost(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    stored = passwords.hash_password("Sturdy-9-oak")
    assert stored.startswith("$argon2id$v=19$m=47104,t=2,p=1$")
    assert passwords.matches(stored, "Sturdy-9-oak")
    assert not passwords.matches(stored, "Sturdy-9-oaK")
    assert not passwords.matches("not a hash", "x")


# What the installation was made for


def test_links_for_everybody_need_the_guarded_row_of_a_sample(monkeypatch: pytest.MonkeyPatch) -> None:
    """Settings alone, which say sample here, give nothing; nor does a row written by hand."""
    assert settings.BANYAN.state == "sample"
    account = account_with(Role.CLERK)
    with pytest.raises(SampleOnly):
        renew_sample_links(now=NOW)
    assert AuditRecord.objects.filter(event="iam.renew_sample_links", outcome="refused").exists()

    register_installation(state="sample", mark="a" * 32, made_at=NOW, now=NOW)
    assert account.username in {link.account.username for link in renew_sample_links(now=NOW)}
    monkeypatch.setattr(settings.BANYAN, "state", "production")
    with pytest.raises(SampleOnly):
        renew_sample_links(now=NOW)


@pytest.mark.parametrize(
    "edit",
    [
        "UPDATE iam_installation SET state = 'sample'",
        "UPDATE iam_installation SET mark = 'b'",
        "UPDATE iam_installation SET made_at = '2020-01-01 00:00:00'",
    ],
)
def test_a_production_row_edited_into_a_sample_is_found(edit: str) -> None:
    register_installation(state="production", mark="a" * 32, made_at=NOW, now=NOW)
    with pytest.raises(SampleOnly):
        renew_sample_links(now=NOW)
    with connection.cursor() as cursor:
        cursor.execute(edit)
    with pytest.raises(RowForged):
        renew_sample_links(now=NOW)
    with pytest.raises(InstallationDiffers):
        register_installation(state="sample", mark="a" * 32, made_at=NOW, now=NOW)


def test_an_installation_is_registered_once() -> None:
    first = register_installation(state="production", mark="a" * 32, made_at=NOW, now=NOW)
    assert register_installation(state="production", mark="a" * 32, made_at=NOW, now=NOW).row_mac == first.row_mac
    for state, mark in (("sample", "a" * 32), ("production", "b" * 32)):
        with pytest.raises(InstallationDiffers):
            register_installation(state=state, mark=mark, made_at=NOW, now=NOW)
    row = registered()
    assert row is not None
    assert (row.state, row.mark) == ("production", "a" * 32)


def test_a_missing_right_is_named_as_people_call_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """F8: people read the right's name in their language, programs its code."""
    with pytest.raises(RightMissing) as refused:
        rights.require(staff(Role.CLERK), "requests.approve")
    assert refused.value.fields["right"] == "requests.approve"
    chinese = f"{refused.value.fields['actor']} 没有“审核材料（通过或退回）”的权限。请联系安全管理员。"
    assert str(refused.value) == translated(refused.value) == errors.text(refused.value) == chinese
    monkeypatch.setenv("BANYAN_LANGUAGE", "en")
    english = translated(refused.value)
    with override("en"):
        assert errors.text(refused.value) == english
    assert "does not have the right “Approve materials (or send back)”" in english
