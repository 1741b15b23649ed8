"""Staff log in with the certificate in their token: what opens a session, and every way that does not (E1, F8)."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from argon2 import PasswordHasher
from django.db import IntegrityError, connection, connections
from django.db.migrations.executor import MigrationExecutor

from banyan.domain import audit
from banyan.domain.audit.models import AuditRecord
from banyan.domain.ca import actions as ca
from banyan.domain.ca.models import Certificate, CertificateAuthority, CertificatePair, Origin
from banyan.domain.ca.values import ForeignHolding
from banyan.domain.iam import access, actions, login, passwords, rules, staff_login
from banyan.domain.iam.binding import ask_for_binding, ask_for_unbinding, bind_certificate
from banyan.domain.iam.certificate_login import Answer
from banyan.domain.iam.challenges import signed_text
from banyan.domain.iam.dual_control import confirm_dual
from banyan.domain.iam.errors import (
    CertificateAccountStopped,
    CertificateBoundElsewhere,
    CertificateExpired,
    CertificateHeld,
    CertificateLoginRefused,
    CertificateNeeded,
    CertificateNotBound,
    CertificateNotYetValid,
    CertificateNowhereBound,
    CertificateOfAnother,
    CertificateRevoked,
    CertificateUnknown,
    CertificateUntrusted,
    CertificateWrongUse,
    DualRequestClosed,
    IamError,
    LoginRefused,
    NobodyCouldLogIn,
    PasswordComesFirst,
    PasswordSwitchedOff,
    RightMissing,
    SamePerson,
    SessionInvalid,
)
from banyan.domain.iam.models import Credential, LoginChallenge, RoleGrant, Session, StaffAccount, StaffLogin
from banyan.domain.iam.rights import Role
from banyan.domain.iam.sources import Source
from banyan.domain.iam.staff_login import Method
from banyan.domain.ra import actions as ra
from banyan.domain.systems.actions import install_systems
from banyan.kernel.identifiers import new_serial
from banyan.pki.certificate import Certificate as View
from banyan.pki.certificate_parts import CertificateParts
from banyan.pki.certificate_template import Template
from banyan.pki.profile import Use, load_profiles
from support import issuing, small_pki
from support.certificate_login import CERTIFICATES, ORIGIN, Administrators, Holder, answered, challenge
from support.iam import PASSWORD, account_with, end_role_by_two, session_of
from support.issuing import NOW, SYSTEM, MemoryCa, World, clerk, later
from support.parties import regions_installed

pytestmark = pytest.mark.django_db(transaction=True)
AWAY = Source(address="198.51.100.7")


@pytest.fixture(autouse=True)
def _cheap_hashing(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(passwords, "_HASHER", PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))
    passwords._nobody.cache_clear()
    yield
    passwords._nobody.cache_clear()


@pytest.fixture
def world() -> World:
    return issuing.world()


@pytest.fixture
def administrators() -> Administrators:
    return Administrators.at()


@pytest.fixture
def lin(world: World) -> Holder:
    """林 has a token with a pair of ours."""
    return Holder.with_new_pair(world)


@pytest.fixture
def account() -> StaffAccount:
    """His account, with a password."""
    made = account_with(Role.CLERK, username="linxiao", now=NOW)
    session_of(made, now=NOW)
    return made


@pytest.fixture
def bound(lin: Holder, account: StaffAccount, administrators: Administrators) -> Credential:
    return administrators.bind(account, lin.der)


def by_password(now: datetime = NOW, *, password: str = PASSWORD) -> Any:
    return login.log_in(username="linxiao", password=password, channel="pages", now=now)


def password_shown(now: datetime = NOW) -> int:
    """The password's credential, after a right password that was not enough."""
    with pytest.raises(CertificateNeeded) as needed:
        by_password(now)
    return needed.value.credential_id


def refused(answer: Answer, error: type[IamError], now: datetime = NOW, **options: Any) -> IamError:
    """The refusal of an answer; it opened nothing and stands in the audit."""
    sessions = Session.objects.count()
    with pytest.raises(error) as caught:
        answered(answer, now, **options)
    assert Session.objects.count() == sessions
    record = AuditRecord.objects.filter(event="iam.log_in_by_certificate").latest("id")
    assert record.outcome == "refused"
    found: IamError = caught.value
    return found


# what opens a session


def test_a_bound_certificate_opens_a_session_of_its_own_credential(
    lin: Holder, account: StaffAccount, bound: Credential
) -> None:
    """E1: challenge, signature, account; the session is the certificate's, and the challenge is gone."""
    opened = lin.enters()
    actor = access.actor_from_session(opened.token, NOW)
    assert (actor.name, actor.credential_id) == ("linxiao", bound.pk)
    assert not LoginChallenge.objects.exists()
    assert AuditRecord.objects.filter(event="iam.logged_in").latest("id").credential_id == bound.pk


def test_only_digests_of_challenge_browser_and_identity_are_stored(
    lin: Holder, account: StaffAccount, bound: Credential
) -> None:
    """F7: whoever reads the tables can neither answer nor link an account to a certificate."""
    given = challenge()
    stored = str(LoginChallenge.objects.values().get())
    assert given.browser not in stored
    assert given.challenge.hex() not in stored
    (code,) = [CERTIFICATES.judge(lin.der, NOW).identity]
    assert code.startswith("resident:")
    assert code.partition(":")[2] not in str(Credential.objects.filter(pk=bound.pk).values())
    assert bound.secret_hash.startswith("identity:")


def test_a_renewed_certificate_keeps_the_account(
    world: World, lin: Holder, account: StaffAccount, bound: Credential
) -> None:
    """E1: the identity is the same; the old certificate serves until it ends, the new one at once."""
    now = later(320)
    draft = issuing.draft(world, pair_id=lin.pair.pk, business="renew", person_id=None, organization_id=None)
    (request,) = issuing.decided(world, draft, now=now)
    issuing.issue(world, request, now, container="c2")
    report = ra.carry_on(SYSTEM, world.connector, now)
    renewed = Holder(world, CertificatePair.objects.unscoped("tests").get(pk=report.pairs[0]))
    for holder in (lin, renewed):
        assert holder.enters(now).session.account_id == account.pk
    after = later(366)
    assert renewed.enters(after).session.credential_id == bound.pk
    refused(lin.answer(challenge(after)), CertificateExpired, after)


def test_a_replaced_certificate_is_refused_and_its_successor_serves(
    world: World, lin: Holder, account: StaffAccount, bound: Credential
) -> None:
    """E1: after a loss the old pair is revoked, the new one needs no binding."""
    draft = issuing.draft(
        world, pair_id=lin.pair.pk, business="reissue", reason="lost", person_id=None, organization_id=None
    )
    (request,) = issuing.decided(world, draft, now=later(5))
    issuing.issue(world, request, later(5))
    report = ra.carry_on(SYSTEM, world.connector, later(5))
    new = Holder(world, CertificatePair.objects.unscoped("tests").get(pk=report.pairs[0]))
    told = refused(lin.answer(challenge(later(6))), CertificateRevoked, later(6))
    assert "注销" in str(told)
    assert new.enters(later(6)).session.account_id == account.pk


def test_pages_side_by_side_do_not_spoil_each_other(lin: Holder, bound: Credential) -> None:
    """Faults: two pages at once; both keep the browser's token, each answers its own challenge."""
    first = challenge()
    second = challenge(browser=first.browser)
    assert first.browser == second.browser
    assert answered(lin.answer(first)).token
    assert answered(lin.answer(second)).token


# challenges


def test_a_challenge_is_answered_once(lin: Holder, bound: Credential) -> None:
    answer = lin.answer(challenge())
    answered(answer)
    refused(answer, CertificateLoginRefused)


def test_a_challenge_is_spent_by_a_wrong_answer_too(lin: Holder, bound: Credential) -> None:
    given = challenge()
    right = lin.answer(given)
    refused(replace(right, signature=lin.sign(b"something else")), CertificateLoginRefused)
    refused(right, CertificateLoginRefused)


@pytest.mark.parametrize("late", [rules.CHALLENGE_LIFE, timedelta(hours=1)])
def test_a_challenge_is_good_for_two_minutes(lin: Holder, bound: Credential, late: timedelta) -> None:
    answer = lin.answer(challenge())
    refused(answer, CertificateLoginRefused, NOW + late)
    in_time = lin.answer(challenge())
    assert answered(in_time, NOW + rules.CHALLENGE_LIFE - timedelta(seconds=1)).token


def test_a_challenge_belongs_to_one_browser(lin: Holder, bound: Credential) -> None:
    """Somebody who overheard the challenge, or had a victim sign it, has not the browser's cookie."""
    given, other = challenge(), challenge()
    assert given.browser != other.browser
    answer = lin.answer(given)
    refused(replace(answer, browser=other.browser), CertificateLoginRefused)
    refused(replace(answer, browser=""), CertificateLoginRefused)
    assert answered(answer).token, "others cannot spend it either"


def test_a_browser_token_that_nobody_gave_out_is_not_taken_over() -> None:
    """A planted cookie becomes nobody's challenge."""
    assert challenge(browser="planted").browser != "planted"
    old = challenge()
    assert challenge(NOW + rules.CHALLENGE_LIFE, browser=old.browser).browser != old.browser


def test_a_signature_for_another_site_opens_nothing_here(lin: Holder, bound: Credential) -> None:
    """A page that passes our challenge on gets a signature over its own origin from the agent."""
    refused(lin.answer(challenge(), origin="https://ra.example.cn.evil.example"), CertificateLoginRefused)
    refused(lin.answer(challenge()), CertificateLoginRefused, origin="https://portal.example.cn")


def test_two_answers_at_the_same_moment_open_one_session(lin: Holder, bound: Credential) -> None:
    answer = lin.answer(challenge())

    def attempt(_number: int) -> str:
        try:
            return answered(answer).token
        except CertificateLoginRefused:
            return ""
        finally:
            connections.close_all()

    with ThreadPoolExecutor(6) as pool:
        opened = [token for token in pool.map(attempt, range(6)) if token]
    assert len(opened) == 1
    assert Session.objects.filter(credential=bound).count() == 1


def test_old_challenges_are_swept_and_a_browser_has_few() -> None:
    browser = challenge().browser
    for _ in range(rules.MOST_CHALLENGES + 5):
        challenge(browser=browser)
    assert LoginChallenge.objects.count() == rules.MOST_CHALLENGES
    challenge(NOW + rules.CHALLENGE_LIFE)
    assert LoginChallenge.objects.count() == 1


@pytest.mark.parametrize("field", ["origin", "credential_id", "expires_at", "channel"])
def test_a_challenge_changed_in_the_database_opens_nothing(
    lin: Holder, account: StaffAccount, bound: Credential, field: str
) -> None:
    """E4: nobody writes a right password into a challenge, makes it last, or moves it to another site."""
    password = Credential.objects.get(account=account, kind="password")
    values = {
        "origin": "https://portal.example.cn", "credential_id": password.pk, "channel": "cli",
        "expires_at": NOW + timedelta(days=1),
    }  # fmt: skip
    answer = lin.answer(challenge(), origin=values["origin"] if field == "origin" else ORIGIN)
    LoginChallenge.objects.update(**{field: values[field]})
    options = {"origin": values["origin"]} if field == "origin" else {}
    refused(answer, CertificateLoginRefused, **options)


# signatures and certificates


def test_a_certificate_without_its_key_opens_nothing_and_says_nothing(
    world: World, lin: Holder, bound: Credential
) -> None:
    """One answer, whether the certificate is bound, revoked, unknown or none at all."""
    thief, other = Holder.with_new_pair(world, 1), Holder.with_new_pair(world, 2)
    ca.revoke_pair(SYSTEM, other.pair.pk, "keyCompromise", NOW)
    told = set()
    for der in (lin.der, other.der, foreign(lin), b"\x30\x03\x02\x01\x01", b"", lin.der * 40):
        answer = thief.answer(challenge())
        told.add(str(refused(replace(answer, certificate=der), CertificateLoginRefused)))
    malformed = replace(thief.answer(challenge()), signature=b"\x30\x06\x02\x01")
    told.add(str(refused(malformed, CertificateLoginRefused)))
    assert len(told) == 1


def foreign(holder: Holder, *, by: MemoryCa | None = None, key: small_pki.Sm2Key | None = None) -> bytes:
    """A certificate with the holder's name and identity by another CA: one that nobody registered, for his own key."""
    own, issuer = View.parse(holder.der), by or MemoryCa()
    template = Template(load_profiles()["sm2-personal"], Use.SIGNING, issuer.issuer)
    parts = CertificateParts(
        new_serial(NOW), NOW - timedelta(days=1), NOW + timedelta(days=300), own.subject_der,
        key.public if key else own.public_key, identify_code=own.identify_code,
    )  # fmt: skip
    tbs = template.encode_tbs(parts)
    return template.assemble(tbs, issuer.key.sign(tbs))


def test_a_certificate_of_another_ca_is_refused_whatever_it_states(lin: Holder, bound: Credential) -> None:
    """E1: same name of the CA, same identity, right signature; not on record here."""
    answer = lin.answer(challenge(), der=foreign(lin))
    told = refused(answer, CertificateUnknown)
    assert "换一张证书" in str(told)


def test_revoked_held_and_expired_certificates_are_told_what_to_do(
    world: World, lin: Holder, bound: Credential
) -> None:
    """E1: our own record counts, at once; each refusal says what comes next."""
    ca.hold_pair(issuing.approver(), lin.pair.pk, NOW)
    assert "解冻" in str(refused(lin.answer(challenge()), CertificateHeld))
    ca.release_pair(issuing.approver(), lin.pair.pk, NOW)
    assert lin.enters().token
    assert "更新" in str(refused(lin.answer(challenge(later(366))), CertificateExpired, later(366)))
    before = NOW - timedelta(days=2)
    assert "才有效" in str(refused(lin.answer(challenge(before)), CertificateNotYetValid, before))
    ca.revoke_pair(SYSTEM, lin.pair.pk, "keyCompromise", NOW)
    assert "补办" in str(refused(lin.answer(challenge()), CertificateRevoked))


def test_a_certificate_that_is_not_bound_is_told_its_number(lin: Holder, account: StaffAccount) -> None:
    told = refused(lin.answer(challenge()), CertificateNotBound)
    assert lin.signing.serial in str(told)


def test_an_encryption_certificate_is_no_log_in(world: World, lin: Holder, administrators: Administrators) -> None:
    encryption = Certificate.objects.get(pair=lin.pair, use=Certificate.Use.ENCRYPTION)
    account = account_with(Role.CLERK, now=NOW)
    with pytest.raises(CertificateWrongUse):
        administrators.bind(account, bytes(encryption.der))


def test_a_certificate_whose_ca_is_out_of_its_time_or_changed_by_hand_is_refused(
    lin: Holder, bound: Credential, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The chain is looked at each time, on the server's clock."""
    assert lin.enters().token
    CertificateAuthority.objects.update(row_mac=b"0" * 16)
    refused(lin.answer(challenge()), CertificateUnknown)


def test_a_ca_that_its_root_revoked_takes_its_certificates_along(administrators: Administrators) -> None:
    """E1: the root's list counts; one that is late keeps nobody out, but what it names stays revoked."""
    connector = MemoryCa()
    root = ca.register_authority(SYSTEM, code="root", certificate=connector.root.certificate, connector="", now=NOW)
    for code in ("sm2-personal", "sm2-organization", "sm2-device", "sm2-seal"):
        ca.register_authority(
            SYSTEM, code=code, certificate=connector.certificate, connector=connector.code, parent=root, now=NOW
        )
    lin = Holder.with_new_pair(issuing.world(connector=connector))
    account = account_with(Role.CLERK, now=NOW)
    administrators.bind(account, lin.der)
    until: dict[str, Any] = {"this_update": NOW, "next_update": NOW + timedelta(days=1)}
    ca.record_foreign_crl(SYSTEM, "root", connector.root.crl(number=1, **until), NOW)
    assert lin.enters(later(2)).session.account_id == account.pk
    serial = int.from_bytes(View.parse(connector.certificate).serial, "big")
    named = connector.root.crl({serial: 2}, number=2, **until)
    ca.record_foreign_crl(SYSTEM, "root", named, NOW)
    for moment in (NOW, later(2)):
        told = refused(lin.answer(challenge(moment)), CertificateUntrusted, moment)
        assert "榕证测试签发 CA" in str(told)


@pytest.mark.parametrize("table", ["certificate", "pair", "credential", "account"])
def test_rows_changed_in_the_database_are_refused_and_recorded(
    lin: Holder, account: StaffAccount, bound: Credential, administrators: Administrators, table: str
) -> None:
    """E4: no log-in on a row that does not carry its MAC."""
    if table in ("certificate", "pair"):
        ca.revoke_pair(SYSTEM, lin.pair.pk, "keyCompromise", NOW)
        Certificate.objects.update(state="VALID", revoked_at=None, reason="")
        CertificatePair.objects.unscoped("tests").update(state="VALID")
        refused(lin.answer(challenge()), CertificateUnknown)
        assert AuditRecord.objects.filter(event="ca.certificate_judged", outcome="refused").exists()
        return
    if table == "credential":
        Credential.objects.filter(pk=bound.pk).update(account=administrators.asks.id)
    else:
        actions.set_account_active(actor=administrators.asks, account=account, is_active=False, now=NOW)
        StaffAccount.objects.filter(pk=account.pk).update(is_active=True)
    refused(lin.answer(challenge()), CertificateLoginRefused)


def test_a_stopped_account_is_told_so_by_certificate_only(
    lin: Holder, account: StaffAccount, bound: Credential, administrators: Administrators
) -> None:
    """F8: the password's answer stays the one of all refusals."""
    actions.set_account_active(actor=administrators.asks, account=account, is_active=False, now=NOW)
    refused(lin.answer(challenge()), CertificateAccountStopped)
    with pytest.raises(LoginRefused):
        by_password()


def test_wrong_answers_raise_an_alarm_and_keep_nobody_out(lin: Holder, bound: Credential) -> None:
    """F8: whoever has the key need not wait for those who have not."""
    for _ in range(rules.FREE_FAILURES + 2):
        refused(replace(lin.answer(challenge()), signature=b"\x30\x00"), CertificateLoginRefused, source=AWAY)
    assert AuditRecord.objects.filter(event="iam.account_locked", outcome="alarm").count() == 1
    assert answered(lin.answer(challenge()), source=AWAY).device


# binding


def test_binding_takes_two_people_and_says_what_is_bound(lin: Holder, account: StaffAccount) -> None:
    """F8: whoever holds the certificate becomes that person."""
    pair = Administrators.at()
    asked = ask_for_binding(actor=pair.asks, account=account, certificate=lin.der, certificates=CERTIFICATES, now=NOW)
    assert lin.signing.serial in asked.payload
    assert lin.pair.subject_name in asked.payload
    with pytest.raises(DualRequestClosed):
        bind_certificate(actor=pair.asks, request=asked, now=NOW)
    with pytest.raises((SamePerson, RightMissing)):
        confirm_dual(actor=pair.asks, request=asked, now=NOW)
    confirmed = confirm_dual(actor=pair.confirms, request=asked, now=NOW)
    bind_certificate(actor=pair.confirms, request=confirmed, now=NOW)
    with pytest.raises(DualRequestClosed):
        bind_certificate(actor=pair.confirms, request=confirmed, now=NOW)
    clerk_of_the_house = session_of(account, now=NOW)
    with pytest.raises(RightMissing):
        ask_for_binding(
            actor=clerk_of_the_house, account=account, certificate=lin.der, certificates=CERTIFICATES, now=NOW
        )


def test_one_holder_has_one_account(
    world: World, lin: Holder, account: StaffAccount, bound: Credential, administrators: Administrators
) -> None:
    """F8: neither the same certificate nor another one of the same person, whoever is faster."""
    other = account_with(Role.PROOFREADER, username="second", now=NOW)
    again = Holder.with_new_pair(world, 1)
    same = Holder.with_new_pair(world)
    for der in (lin.der, same.der):
        with pytest.raises(CertificateBoundElsewhere, match="linxiao"):
            administrators.bind(other, der)
    administrators.bind(other, again.der)
    assert again.enters().session.account_id == other.pk


def test_of_two_requests_for_one_holder_the_second_is_refused(
    lin: Holder, account: StaffAccount, administrators: Administrators
) -> None:
    requests = []
    for who in (account, account_with(Role.PROOFREADER, now=NOW)):
        asked = ask_for_binding(
            actor=administrators.asks, account=who, certificate=lin.der, certificates=CERTIFICATES, now=NOW
        )
        requests.append(confirm_dual(actor=administrators.confirms, request=asked, now=NOW))
    bind_certificate(actor=administrators.asks, request=requests[0], now=NOW)
    with pytest.raises(CertificateBoundElsewhere):
        bind_certificate(actor=administrators.asks, request=requests[1], now=NOW)


def test_the_database_itself_keeps_a_holder_to_one_account(
    lin: Holder, account: StaffAccount, bound: Credential
) -> None:
    other = account_with(Role.PROOFREADER, now=NOW)
    copy = Credential(account=other, kind="certificate", secret_hash=bound.secret_hash, created_at=NOW)

    def write() -> None:
        with audit.action_scope(now=NOW):
            copy.save()
            audit.record(SYSTEM, "test.copy", copy)

    with pytest.raises(IntegrityError):
        write()


@pytest.mark.parametrize("how", ["unbound", "replaced"])
def test_sessions_of_a_certificate_end_with_it(
    world: World, lin: Holder, account: StaffAccount, bound: Credential, administrators: Administrators, how: str
) -> None:
    """F8: those opened by password go on."""
    kept, opened = by_password(), lin.enters()
    if how == "unbound":
        administrators.unbind(account)
        refused(lin.answer(challenge()), CertificateNotBound)
        with pytest.raises(CertificateNowhereBound):
            ask_for_unbinding(actor=administrators.asks, account=account, now=NOW)
    else:
        administrators.bind(account, Holder.with_new_pair(world, 1).der)
        refused(lin.answer(challenge()), CertificateNotBound)
    with pytest.raises(SessionInvalid):
        access.actor_from_session(opened.token, NOW)
    assert access.actor_from_session(kept.token, NOW).id == account.pk


def test_no_session_begins_with_what_ended_while_it_was_checked(
    lin: Holder, account: StaffAccount, bound: Credential, administrators: Administrators
) -> None:
    """F8: unbound or stopped between the check of the answer and the session."""
    administrators.unbind(account)
    with pytest.raises(SessionInvalid):
        actions.open_session(account=account, credential=bound, channel="pages", now=NOW)
    again = administrators.bind(account, lin.der)
    actions.set_account_active(actor=administrators.asks, account=account, is_active=False, now=NOW)
    with pytest.raises(SessionInvalid):
        actions.open_session(account=account, credential=again, channel="pages", now=NOW)
    assert not Session.objects.filter(credential__kind="certificate").exists()


def test_a_certificate_that_is_not_good_is_not_bound(
    lin: Holder, account: StaffAccount, administrators: Administrators
) -> None:
    with pytest.raises(CertificateUnknown):
        administrators.bind(account, foreign(lin))
    with pytest.raises(CertificateExpired):
        Administrators.at(later(366)).bind(account, lin.der, later(366))
    ca.revoke_pair(SYSTEM, lin.pair.pk, "keyCompromise", NOW)
    with pytest.raises(CertificateRevoked):
        administrators.bind(account, lin.der)


def test_an_imported_certificate_is_bound_by_itself_not_by_what_it_states(
    world: World, lin: Holder, account: StaffAccount, bound: Credential, administrators: Administrators
) -> None:
    """A12, F8: one clerk imports; another operator's CA can state anybody's identity."""
    regions_installed()
    install_systems(SYSTEM, now=NOW)
    former = MemoryCa(code="")
    ca.register_authority(
        SYSTEM, code="former", certificate=former.certificate, connector="", origin=Origin.FOREIGN, now=NOW
    )
    key = small_pki.Sm2Key()
    der = foreign(lin, by=former, key=key)
    (pair,), refusals = ca.import_foreign(
        clerk(), "former",
        [ForeignHolding(
            row=2, signing_certificate=der, encryption_certificate=None, system="GENERAL", kind="PERSONAL",
            profile="sm2-personal", region_code="350102", subject_name="林", person_id=world.people[1].pk,
        )],
        NOW, anchors=[former.root.certificate],
        crl=former.make_crl(7, NOW - timedelta(days=1), NOW + timedelta(days=30), []),
    )  # fmt: skip
    assert not refusals
    assert pair is not None

    def answer() -> Answer:
        given = challenge()
        return Answer(given.challenge, key.sign(signed_text(ORIGIN, given.challenge)), der, given.browser)

    refused(answer(), CertificateNotBound)
    second = account_with(Role.PROOFREADER, now=NOW)
    assert administrators.bind(second, der).secret_hash.startswith("sm3:")
    assert answered(answer()).session.account_id == second.pk
    assert lin.enters().session.account_id == account.pk


# the switch


def test_a_sample_takes_either_and_a_production_installation_both(
    lin: Holder, account: StaffAccount, bound: Credential, settings: Any
) -> None:
    """F8: what an installation is for decides until two people do."""
    assert staff_login.staff_login() is Method.PASSWORD
    assert by_password().token
    settings.BANYAN = settings.BANYAN.model_copy(update={"state": "production"})
    assert staff_login.staff_login() is Method.TWO_FACTOR
    with pytest.raises(CertificateNeeded):
        by_password()


def test_a_bound_account_shows_both_factors_and_an_unbound_one_is_reminded(
    world: World, lin: Holder, account: StaffAccount, bound: Credential, administrators: Administrators
) -> None:
    """F8, GB/T 22239-2019 8.1.4.1 d."""
    administrators.switch(Method.TWO_FACTOR)
    with pytest.raises(PasswordComesFirst):
        challenge()
    opened = lin.enters(credential_id=password_shown())
    assert opened.session.credential_id == bound.pk
    events = AuditRecord.objects.filter(actor_name="linxiao").order_by("-id").values_list("event", flat=True)
    assert list(events[:2]) == ["iam.logged_in", "iam.password_accepted"], "each factor stands in the audit"
    with pytest.raises(LoginRefused):
        by_password(password="wrong")
    colleague = account_with(Role.PROOFREADER, username="colleague", now=NOW)
    session_of(colleague, now=NOW)
    alone = login.log_in(username="colleague", password=PASSWORD, channel="pages", now=NOW)
    assert staff_login.needs_certificate(access.actor_from_session(alone.token, NOW))
    assert not staff_login.needs_certificate(access.actor_from_session(opened.token, NOW))
    assert "colleague" in [one.username for one in staff_login.accounts_without_certificate()]
    assert account not in staff_login.accounts_without_certificate()


def test_the_second_factor_is_ones_own(
    world: World, lin: Holder, account: StaffAccount, bound: Credential, administrators: Administrators
) -> None:
    """F8: somebody's password and somebody else's token are nobody."""
    thief, theirs = account_with(Role.APPROVER, now=NOW), Holder.with_new_pair(world, 1)
    administrators.bind(thief, theirs.der)
    administrators.switch(Method.TWO_FACTOR)
    refused(theirs.answer(challenge(credential_id=password_shown())), CertificateOfAnother)


def test_a_password_changed_between_the_factors_counts_no_more(
    lin: Holder, account: StaffAccount, bound: Credential, administrators: Administrators
) -> None:
    administrators.switch(Method.TWO_FACTOR)
    answer = lin.answer(challenge(credential_id=password_shown()))
    actions.set_password(actor=SYSTEM, account=account, secret_hash="x", now=NOW)
    refused(answer, CertificateOfAnother)


def test_a_challenge_from_before_the_switch_does_not_skip_the_password(
    lin: Holder, account: StaffAccount, bound: Credential, administrators: Administrators
) -> None:
    answer = lin.answer(challenge())
    administrators.switch(Method.TWO_FACTOR)
    refused(answer, PasswordComesFirst)


def test_a_first_link_does_not_skip_the_certificate(
    lin: Holder, account: StaffAccount, bound: Credential, administrators: Administrators
) -> None:
    """F8: the link sets the password; the session comes with the certificate."""
    administrators.switch(Method.TWO_FACTOR)
    with audit.action_scope(now=NOW):
        link = actions._new_link(SYSTEM, account, NOW)
    with pytest.raises(CertificateNeeded) as needed:
        login.log_in_with_link(secret=link.secret, password="Sturdy-9-oak", channel="pages", now=NOW)
    assert lin.enters(credential_id=needed.value.credential_id).token


def test_a_right_password_without_its_certificate_stays_counted(
    lin: Holder, account: StaffAccount, bound: Credential, administrators: Administrators
) -> None:
    """F8: whoever has the password alone waits like one who guesses."""
    administrators.switch(Method.TWO_FACTOR)
    for _ in range(rules.FREE_FAILURES + 1):
        password_shown()
    with pytest.raises(LoginRefused):
        by_password()
    credential_id = password_shown(NOW + rules.FIRST_WAIT)
    lin.enters(NOW + rules.FIRST_WAIT, credential_id=credential_id)


def all_bound(world: World, administrators: Administrators) -> None:
    """Each of the three administrators has a certificate."""
    third = session_of(account_with(Role.AUDIT_ADMIN, username="third", now=NOW), now=NOW)
    for number, actor in enumerate((administrators.asks, administrators.confirms, third)):
        administrators.bind(StaffAccount.objects.get(pk=actor.id), Holder.with_new_pair(world, number).der)


def test_passwords_are_switched_off_everywhere_once_every_administrator_is_bound(
    administrators: Administrators,
) -> None:
    """F8: and not before."""
    world = issuing.world(people=4)
    with pytest.raises(NobodyCouldLogIn):
        administrators.switch(Method.CERTIFICATE)
    all_bound(world, administrators)
    account = account_with(Role.CLERK, username="linxiao", now=NOW)
    session_of(account, now=NOW)
    lin = Holder.with_new_pair(world, 3)
    administrators.bind(account, lin.der)
    administrators.switch(Method.CERTIFICATE)
    for channel in ("pages", "cli"):
        with pytest.raises(PasswordSwitchedOff):
            login.log_in(username="linxiao", password=PASSWORD, channel=channel, now=NOW)
    with audit.action_scope(now=NOW):
        link = actions._new_link(SYSTEM, account, NOW)
    with pytest.raises(PasswordSwitchedOff):
        login.log_in_with_link(secret=link.secret, password="Sturdy-9-oak", channel="cli", now=NOW)
    assert lin.enters().session.account_id == account.pk
    administrators.unbind(account)
    third = StaffAccount.objects.get(username="third")
    with pytest.raises(NobodyCouldLogIn):
        administrators.unbind(third)
    with pytest.raises(NobodyCouldLogIn):
        actions.set_account_active(actor=administrators.asks, account=third, is_active=False, now=NOW)
    with pytest.raises(NobodyCouldLogIn):
        end_role_by_two(RoleGrant.objects.get(account=third), NOW, asks=administrators.confirms)
    assert StaffAccount.objects.get(pk=third.pk).is_active
    administrators.switch(Method.TWO_FACTOR)
    administrators.unbind(StaffAccount.objects.get(username="third"))


def test_what_two_people_confirmed_is_looked_at_again_when_it_is_carried_out(administrators: Administrators) -> None:
    """F8: an administrator may have lost his certificate in between."""
    all_bound(issuing.world(people=3), administrators)
    asked = staff_login.ask_for_staff_login(actor=administrators.asks, method=Method.CERTIFICATE, now=NOW)
    confirmed = confirm_dual(actor=administrators.confirms, request=asked, now=NOW)
    administrators.unbind(StaffAccount.objects.get(username="third"))
    with pytest.raises(NobodyCouldLogIn):
        staff_login.set_staff_login(actor=administrators.asks, request=confirmed, now=NOW)


def test_the_switch_is_a_guarded_row(administrators: Administrators, account: StaffAccount) -> None:
    """E4: whoever writes into the database does not switch the second factor off."""
    from banyan.domain.audit.errors import RowForged

    administrators.switch(Method.TWO_FACTOR)
    StaffLogin.objects.update(method="password")
    with pytest.raises(RowForged):
        by_password()
    assert AuditRecord.objects.filter(event="iam.staff_login_read", outcome="refused").exists()


def test_the_migration_goes_forward_on_a_filled_database(account: StaffAccount) -> None:
    """Credentials of before keep their MAC: no guarded column was added to them."""
    executor = MigrationExecutor(connection)
    executor.migrate([("iam", "0003_login_sources")])
    executor.loader.build_graph()
    executor.migrate(executor.loader.graph.leaf_nodes("iam"))
    assert all(one.is_row_genuine() for one in Credential.objects.all())
    assert by_password().token
