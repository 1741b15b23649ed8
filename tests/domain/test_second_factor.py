"""Codes of an authenticator, and what the policy asks of passwords and sessions (F8; GB/T 22239-2019 8.1.4.1)."""

import base64
from datetime import UTC, datetime, timedelta

import pytest

from banyan.domain.audit.models import AuditRecord
from banyan.domain.iam import access, actions, carrying, codes, login, people, policy
from banyan.domain.iam.actions import NewSession
from banyan.domain.iam.common_passwords import is_common
from banyan.domain.iam.dual_control import request_dual
from banyan.domain.iam.errors import (
    CodeEnrolled,
    CodeNeeded,
    CodeRefused,
    EnrolmentStale,
    LoginRefused,
    PasswordExpired,
    PasswordTooWeak,
    PolicyInvalid,
    PolicyUnchanged,
    RightMissing,
    SamePerson,
    SecondFactorDue,
    SessionInvalid,
)
from banyan.domain.iam.models import Credential, DualControlRequest, SecurityPolicy, Session, StaffAccount
from banyan.domain.iam.rights import Role
from banyan.domain.iam.sources import TERMINAL
from banyan.domain.iam.staff_login import Method, ask_for_staff_login
from support.iam import PASSWORD, account_with, session_of, staff

pytestmark = pytest.mark.django_db(transaction=True)
NOW = datetime(2026, 3, 2, 1, 0, tzinfo=UTC)


def confirmed(request: DualControlRequest, by: Role = Role.SECURITY_ADMIN, now: datetime = NOW) -> None:
    carrying.confirm_and_carry_out(actor=staff(by, now=now), request=request, now=now)


def change_policy(now: datetime = NOW, **changes: int) -> None:
    asked = policy.ask_for_policy(actor=staff(Role.SYSTEM_ADMIN, now=now), changes=changes, now=now)
    confirmed(asked, now=now)


def enrolled(account: StaffAccount, now: datetime = NOW) -> bytes:
    """The account with an authenticator; its secret."""
    actor = session_of(account, now=now)
    shown = codes.new_enrolment(actor)
    secret = base64.b32decode(shown.secret)
    codes.enrol(actor=actor, sealed=shown.sealed, code=code_of(secret, now), now=now)
    return secret


def code_of(secret: bytes, now: datetime) -> str:
    return codes.code_at(secret, int(now.timestamp()) // codes.STEP_S)


def by_password(account: StaffAccount, now: datetime = NOW) -> NewSession:
    return login.log_in(username=account.username, password=PASSWORD, channel="pages", now=now, source=TERMINAL)


def by_code(account: StaffAccount, code: str, now: datetime) -> NewSession:
    with pytest.raises(CodeNeeded) as needed:
        by_password(account, now)
    password = Credential.objects.select_related("account").get(pk=needed.value.credential_id)
    return codes.log_in_by_code(password=password, code=code, channel="pages", now=now, source=TERMINAL)


@pytest.mark.parametrize(
    ("at", "code"), [(59, "287082"), (1111111109, "081804"), (1234567890, "005924"), (20000000000, "353130")]
)
def test_codes_are_those_of_rfc_6238(at: int, code: str) -> None:
    """Appendix B, SHA-1, the last six of its eight digits."""
    assert codes.code_at(b"12345678901234567890", at // codes.STEP_S) == code


def test_after_the_password_comes_the_code_and_each_code_counts_once() -> None:
    account = account_with(Role.CLERK, now=NOW)
    secret = enrolled(account)
    later = NOW + timedelta(minutes=5)
    opened = by_code(account, code_of(secret, later), later)
    assert "requests.enter" in access.actor_from_session(opened.token, later).rights
    assert opened.session.credential.kind == codes.TOTP_KIND
    with pytest.raises(CodeRefused):
        by_code(account, code_of(secret, later), later + timedelta(seconds=5))
    following = later + timedelta(seconds=30)
    assert by_code(account, code_of(secret, following), following).token


def test_a_clock_may_be_half_a_minute_off_and_no_more() -> None:
    account = account_with(Role.CLERK, now=NOW)
    secret = enrolled(account)
    later = NOW + timedelta(minutes=5)
    with pytest.raises(CodeRefused):
        by_code(account, code_of(secret, later - timedelta(seconds=60)), later)
    assert by_code(account, code_of(secret, later - timedelta(seconds=30)), later).token


def test_the_code_shown_while_enrolling_opens_nothing_afterwards() -> None:
    account = account_with(Role.CLERK, now=NOW)
    secret = enrolled(account)
    with pytest.raises(CodeRefused):
        by_code(account, code_of(secret, NOW), NOW + timedelta(seconds=2))


def test_guesses_at_codes_wait_as_guesses_at_passwords_do() -> None:
    account = account_with(Role.CLERK, now=NOW)
    secret = enrolled(account)
    later = NOW + timedelta(minutes=5)
    with pytest.raises(CodeNeeded) as needed:
        by_password(account, later)
    password = Credential.objects.select_related("account").get(pk=needed.value.credential_id)

    def guess(code: str) -> NewSession:
        return codes.log_in_by_code(password=password, code=code, channel="pages", now=later, source=TERMINAL)

    for _attempt in range(5):
        with pytest.raises(CodeRefused):
            guess("000000")
    with pytest.raises(CodeRefused):
        guess(code_of(secret, later))  # right, but the source has to wait
    assert AuditRecord.objects.filter(event="iam.account_locked").exists()
    people.unlock_account(actor=staff(Role.SYSTEM_ADMIN, now=later), account=account, now=later)
    assert guess(code_of(secret, later)).token


def test_the_secret_is_sealed_and_a_form_belongs_to_its_session() -> None:
    account = account_with(Role.CLERK, now=NOW)
    mine, other = session_of(account, now=NOW), staff(Role.CLERK, now=NOW)
    shown = codes.new_enrolment(mine)
    secret = base64.b32decode(shown.secret)
    with pytest.raises(EnrolmentStale):
        codes.enrol(actor=other, sealed=shown.sealed, code=code_of(secret, NOW), now=NOW)
    with pytest.raises(CodeRefused):
        codes.enrol(actor=mine, sealed=shown.sealed, code="123", now=NOW)
    kept = codes.enrol(actor=mine, sealed=shown.sealed, code=code_of(secret, NOW), now=NOW)
    raw = base64.b64decode(kept.secret_hash)
    assert secret not in raw
    assert shown.secret.encode() not in raw
    with pytest.raises(CodeEnrolled):
        codes.new_enrolment(mine)


def test_a_lost_phone_takes_two_administrators() -> None:
    account = account_with(Role.CLERK, now=NOW)
    enrolled(account)
    asks = staff(Role.SYSTEM_ADMIN, now=NOW)
    asked = codes.ask_for_reset(actor=asks, account=account, now=NOW)
    with pytest.raises((SamePerson, RightMissing)):
        carrying.confirm_and_carry_out(actor=asks, request=asked, now=NOW)
    with pytest.raises(CodeNeeded):
        by_password(account)
    confirmed(asked)
    assert by_password(account, NOW + timedelta(minutes=1)).token


def test_where_the_policy_says_so_nobody_works_on_a_password_alone() -> None:
    """先口令，后证书: a code stands in for the certificate of those who have none yet."""
    asks = staff(Role.SYSTEM_ADMIN, now=NOW)
    confirmed(ask_for_staff_login(actor=asks, method=Method.TWO_FACTOR, now=NOW))
    change_policy(needs_code=1)
    account = account_with(Role.CLERK, now=NOW)
    held = session_of(account, now=NOW)
    assert (held.rights, held.regions, held.held_back) == (frozenset(), frozenset(), SecondFactorDue.code)
    shown = codes.new_enrolment(held)
    codes.enrol(actor=held, sealed=shown.sealed, code=code_of(base64.b32decode(shown.secret), NOW), now=NOW)
    later = NOW + timedelta(minutes=5)
    opened = by_code(account, code_of(base64.b32decode(shown.secret), later), later)
    assert access.actor_from_session(opened.token, later).rights


def test_a_password_too_old_lets_nobody_work_until_it_is_changed() -> None:
    account = account_with(Role.CLERK, now=NOW)
    session_of(account, now=NOW)
    change_policy(password_days=90)
    later = NOW + timedelta(days=90)
    held = access.actor_from_session(by_password(account, later).token, later)
    assert (held.rights, held.held_back) == (frozenset(), PasswordExpired.code)
    login.change_password(actor=held, current=PASSWORD, new="Sturdy-9-oak", now=later)
    opened = login.log_in(username=account.username, password="Sturdy-9-oak", channel="pages", now=later)
    assert access.actor_from_session(opened.token, later).rights


def test_sessions_end_as_the_policy_says() -> None:
    change_policy(idle_minutes=5, session_hours=1, sessions_most=2)
    account = account_with(Role.CLERK, now=NOW)
    first = session_of(account, now=NOW)
    session_of(account, now=NOW + timedelta(minutes=1))
    third = session_of(account, now=NOW + timedelta(minutes=2))
    assert Session.objects.get(pk=first.session_id).ended_at is not None
    row = Session.objects.get(pk=third.session_id)
    assert row.expires_at - row.created_at == timedelta(hours=1)
    opened = actions.open_session(
        account=account, credential=row.credential, channel="test", now=NOW + timedelta(minutes=3)
    )
    with pytest.raises(SessionInvalid):
        access.actor_from_session(opened.token, NOW + timedelta(minutes=8))


def test_passwords_meet_the_policy() -> None:
    change_policy(password_length=14, password_classes=4)
    account = account_with(Role.CLERK, now=NOW)
    actor = session_of(account, now=NOW)
    for bad in ("Sturdy-9-oak", "sturdy-9-oak-tree"):
        with pytest.raises(PasswordTooWeak):
            login.change_password(actor=actor, current=PASSWORD, new=bad, now=NOW)
    login.change_password(actor=actor, current=PASSWORD, new="Sturdy-9-oak-tree", now=NOW)


@pytest.mark.parametrize(
    "password",
    ["Password123!", "P@ssw0rd2026", "Admin@123456", "Qwer1234!@#$", "1qaz@WSX3edc", "Aa123456789!", "Abc123456!", "Fujian@2026",
     "Woaini1314!", "Welcome2026!", "Aaaa1111!!!!"],
)  # fmt: skip
def test_common_passwords_are_recognised(password: str) -> None:
    assert is_common(password)


@pytest.mark.parametrize("password", ["Correct-horse-7", "Sturdy-9-oak", "tG7#mwPz0qLx", "Banyan-shade-and-4-rivers"])
def test_uncommon_passwords_are_left_alone(password: str) -> None:
    assert not is_common(password)


def test_the_policy_takes_two_people_and_keeps_within_bounds() -> None:
    asks = staff(Role.SYSTEM_ADMIN, now=NOW)
    with pytest.raises(PolicyInvalid):
        policy.ask_for_policy(actor=asks, changes={"password_length": 4}, now=NOW)
    with pytest.raises(PolicyUnchanged):
        policy.ask_for_policy(actor=asks, changes=policy.policy().numbers, now=NOW)
    with pytest.raises(RightMissing):
        policy.ask_for_policy(actor=staff(Role.CLERK, now=NOW), changes={"idle_minutes": 10}, now=NOW)
    asked = policy.ask_for_policy(actor=asks, changes={"idle_minutes": 10}, now=NOW)
    assert policy.policy().idle_minutes == 30
    confirmed(asked)
    assert policy.policy().idle_minutes == 10


def test_a_policy_written_by_hand_is_no_policy() -> None:
    from banyan.domain.audit.errors import RowForged

    change_policy(idle_minutes=10)
    SecurityPolicy.objects.update(settings='{"idle_minutes":240}')
    with pytest.raises(RowForged):
        policy.policy()


def test_what_cannot_be_carried_out_is_not_confirmed_either() -> None:
    """Confirming and doing are one: when the doing refuses, the request still waits."""
    account = account_with(Role.CLERK, now=NOW)
    asks = staff(Role.SECURITY_ADMIN, now=NOW)
    asked = people.ask_for_role(actor=asks, account=account, role=Role.PROOFREADER, regions=None, now=NOW)
    twin = request_dual(
        actor=asks, kind=people.GRANT, payload=actions.grant_payload(account, Role.PROOFREADER), now=NOW
    )
    confirmed(asked, by=Role.SYSTEM_ADMIN)
    from banyan.domain.iam.errors import GrantExists

    with pytest.raises(GrantExists):
        confirmed(twin, by=Role.SYSTEM_ADMIN)
    assert DualControlRequest.objects.get(pk=twin.pk).state == "PENDING"


def test_an_unknown_name_is_still_told_nothing() -> None:
    with pytest.raises(LoginRefused):
        login.log_in(username="nobody", password=PASSWORD, channel="pages", now=NOW)
