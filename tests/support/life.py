"""The whole life of certificates and of the office around them, as one process that may die at any moment.

Everything the domain's actions do outside the main job: people and rights, parties, systems, stock, the businesses on a
pair, CRLs, key recovery by two officers, certificates of another CA, the replay of the journal after a restore. A new
process takes up where a dead one was: what has been done is seen in the database, as a person would look.

``once`` asks the audit: an action and its record are one transaction, so a step whose event has one record more than
before the step was done, exactly once.
"""

import json
import os
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

PASSWORD, NEW_PASSWORD = "Sturdy-9-oak-tree", "Sturdy-8-oak-trees"


def live(place: str, number: int) -> None:
    """One life, up to the backup; begins again when a process it needs does not answer."""
    _patiently(lambda: Life(Path(place), number).run())


def work_that_gets_lost(place: str, number: int) -> None:
    """After the backup: a pair more, and a checkpoint."""
    _patiently(lambda: Life(Path(place), number).lose())


def carry_on_after_a_restore(place: str, number: int) -> None:
    """The database is an older one: a new epoch of the audit by two people, and what only the journal knows."""
    _patiently(lambda: Life(Path(place), number).restore())


def _patiently(work: Callable[[], None]) -> None:
    from banyan.kernel.errors import RemoteError, ServiceUnavailable
    from banyan_token.errors import AgentGone

    for attempt in range(2000):
        try:
            return work()
        except (ServiceUnavailable, RemoteError, AgentGone) as error:
            if attempt == 1999:
                raise
            sys.stderr.write(f"again: {error}\n")
            time.sleep(0.02)
    return None


@dataclass
class Diary:
    """What this life remembers beside the database; every line is on the disk before the work goes on."""

    path: Path
    lines: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.path.exists():
            self.lines = json.loads(self.path.read_text(encoding="utf-8"))

    def __contains__(self, name: str) -> bool:
        return name in self.lines

    def __getitem__(self, name: str) -> Any:
        return self.lines[name]

    def write(self, name: str, value: Any = True) -> Any:
        self.lines[name] = value
        beside = self.path.with_suffix(".part")
        beside.write_text(json.dumps(self.lines), encoding="utf-8")
        os.rename(beside, self.path)
        return value


class Life:
    """One life; ``number`` makes its people and things others than those of the lives before."""

    def __init__(self, place: Path, number: int) -> None:
        from banyan.domain.iam.rights import Role, rights_of
        from banyan.kernel.actor import Actor, system_actor
        from banyan.kernel.home import Home
        from support.killing import make_devices_quickly

        make_devices_quickly()
        self.home = Home.from_environment()
        self.number = number
        self.diary = Diary(place / f"diary-{number}.json")
        self.system = system_actor("jobs")
        self.everything = Actor("staff", 900, "全能", 900, 1900, rights_of(frozenset(Role)), None)
        self.clerk, self.proofreader, self.approver, *self.officers = (
            replace(
                self.everything, id=account, name=f"人员{account}", session_id=account, credential_id=account + 1000
            )
            for account in (901, 902, 903, 904, 905)
        )

    # what was done

    def once(self, name: str, event: str, work: Callable[[], object]) -> None:
        """Do what writes one record of ``event``, unless a process that died did it."""
        from banyan.domain.audit.models import AuditRecord

        if name in self.diary:
            return
        records = AuditRecord.objects.filter(event=event).exclude(outcome="refused")
        before = self.diary.lines.get(f"before {name}")
        if before is None:
            before = self.diary.write(f"before {name}", records.count())
        if records.count() == before:
            work()
        assert records.count() == before + 1, f"{name}: {event} {records.count() - before} times"
        self.diary.write(name)

    def again(self, name: str, work: Callable[[], object]) -> None:
        """Do what may be done again without harm, until it was done to its end."""
        if name not in self.diary:
            work()
            self.diary.write(name)

    @property
    def now(self) -> datetime:
        from banyan.kernel import clock

        return clock.now()

    # the chapters

    def run(self) -> None:
        chapters = (
            self.staff, self.registers, self.stock, self.outbox, self.notices, self.counter, self.staff_certificates,
            self.moods_of_a_ca, self.businesses, self.papers, self.states_and_lists, self.recoveries, self.foreign,
            self.checkpoint,
        )  # fmt: skip
        for chapter in chapters:
            self.again(f"chapter {chapter.__name__}", chapter)

    def notices(self) -> None:
        """A stop is planned and called off; a service falls silent, is told of and answers again."""
        from banyan.domain.content import actions as content
        from banyan.domain.content.models import PlannedStop

        begins, note = self.now, partial(content.note_services, self.system)
        self.once("plan stop", "content.stop_planned", lambda: content.plan_stop(
            self.everything, "sms", begins, begins + timedelta(hours=2), reason=f"演练 {self.number}", now=begins))  # fmt: skip
        stop = PlannedStop.objects.get(reason=f"演练 {self.number}")
        self.once("call off stop", "content.stop_called_off",
                  lambda: content.call_off_stop(self.everything, stop.pk, self.now))  # fmt: skip
        self.again("archives silent", lambda: note({"archives": False}, self.now))
        later = self.now + 2 * content.PATIENCE
        self.once("outage told", "content.outage_told", lambda: note({"archives": False}, later))
        self.once("outage ended", "content.outage_ended", lambda: note({"archives": True}, later))

    def staff(self) -> None:
        from banyan.domain.iam import actions as iam
        from banyan.domain.iam import login, people
        from banyan.domain.iam.dual_control import confirm_dual, request_dual, withdraw_dual
        from banyan.domain.iam.errors import LoginRefused
        from banyan.domain.iam.models import Credential, DualControlRequest, RoleGrant, StaffAccount
        from banyan.domain.iam.rights import Role

        self.log_in("sysadmin", "secadmin", "auditadmin")
        sysadmin, secadmin = self.person("sysadmin"), self.person("secadmin")
        name = f"life{self.number}"
        self.once("open account", "iam.account_opened",
                  lambda: iam.open_account(actor=sysadmin, username=name, display_name="测试新人", now=self.now))  # fmt: skip
        account = StaffAccount.objects.get(username=name)
        while not Credential.objects.filter(account=account).exists():
            # A link whose process died took its secret along: another one is asked for.
            link = iam.renew_link(actor=sysadmin, account=account, now=self.now)
            login.log_in_with_link(secret=link.secret, password=PASSWORD, channel="cli", now=self.now)
        payload = iam.grant_payload(account, Role.KMC_OFFICER)

        def asked(state: str) -> DualControlRequest:
            return DualControlRequest.objects.filter(state=state).latest("pk")

        for purpose in ("withdrawn", "granted"):
            self.once(f"ask {purpose}", "iam.dual_requested",
                      lambda: request_dual(actor=secadmin, kind="iam.grant_role", payload=payload, now=self.now))  # fmt: skip
            if purpose == "withdrawn":
                self.once("withdraw", "iam.dual_withdrawn",
                          lambda: withdraw_dual(actor=secadmin, request=asked("PENDING"), now=self.now))  # fmt: skip
        self.once("confirm", "iam.dual_confirmed",
                  lambda: confirm_dual(actor=sysadmin, request=asked("PENDING"), now=self.now))  # fmt: skip
        self.once("grant", "iam.role_granted",
                  lambda: iam.grant_role(actor=secadmin, request=asked("CONFIRMED"), now=self.now))  # fmt: skip
        self.calendar(sysadmin, secadmin, asked)

        def log_in_and_out() -> None:
            opened = login.log_in(username=name, password=PASSWORD, channel="cli", now=self.now)
            iam.log_out(actor=self.actor(opened.token), now=self.now)

        def change() -> None:
            actor = iam.account_actor(account)
            login.change_password(actor=actor, current=PASSWORD, new=NEW_PASSWORD, now=self.now)

        def fail() -> None:
            try:
                login.log_in(username=name, password="Wrong-1-guess", channel="cli", now=self.now)
            except LoginRefused:
                return

        self.once("log out", "iam.logged_out", log_in_and_out)
        self.once("change password", "iam.password_set", change)
        self.again("fail to log in", fail)
        for is_active, event in ((False, "iam.account_disabled"), (True, "iam.account_enabled")):
            self.once(event, event, lambda active=is_active: iam.set_account_active(
                actor=sysadmin, account=account, is_active=active, now=self.now))  # fmt: skip
        self.second_factor(sysadmin, secadmin, account)
        self.by_two("end role", "iam.role_ended",
                    lambda: people.ask_to_end_role(
                        actor=secadmin, grant=RoleGrant.objects.select_related("account").get(account=account),
                        now=self.now),
                    people.end_role, sysadmin)  # fmt: skip

    def second_factor(self, sysadmin: Any, secadmin: Any, account: Any) -> None:
        """An authenticator set up, used, cleared by two; the policy changed by two; sessions ended."""
        import base64

        from banyan.domain.audit.models import ring
        from banyan.domain.iam import carrying, codes, login, people, policy
        from banyan.domain.iam.errors import CodeRefused, LoginRefused
        from banyan.domain.iam.models import Credential, Session

        def logged_in() -> Any:
            until = time.monotonic() + 90
            while True:  # a wrong guess that was had twice, for a kill, has to be waited for
                try:
                    return login.log_in(username=account.username, password=NEW_PASSWORD, channel="cli", now=self.now)
                except LoginRefused:
                    if time.monotonic() > until:
                        raise
                    time.sleep(0.5)

        def enrol() -> None:
            opened = logged_in()
            actor = self.actor(opened.token)
            shown = codes.new_enrolment(actor)
            step = int(self.now.timestamp()) // codes.STEP_S
            code = codes.code_at(base64.b32decode(shown.secret), step)
            codes.enrol(actor=actor, sealed=shown.sealed, code=code, now=self.now)

        def enter() -> None:
            people.unlock_account(actor=sysadmin, account=account, now=self.now)
            found = {one.kind: one for one in Credential.objects.filter(account=account, replaced_at__isnull=True)}
            sealed = base64.b64decode(found[codes.TOTP_KIND].secret_hash)
            secret = base64.b32decode(ring().fields.open(sealed, codes._at_rest(account.pk)))
            code = codes.code_at(secret, int(self.now.timestamp()) // codes.STEP_S + 1)
            with suppress(CodeRefused):  # a process that died may have used this code
                codes.log_in_by_code(password=found["password"], code=code, channel="cli", now=self.now)

        def end() -> None:
            for session in Session.objects.filter(account=account, ended_at__isnull=True):
                people.end_session(actor=sysadmin, session_id=session.pk, account=account, now=self.now)

        self.once("enrol", "iam.code_enrolled", enrol)
        self.again("log in by code", enter)
        self.again("end sessions", end)
        self.by_two("reset code", "iam.code_reset",
                    lambda: codes.ask_for_reset(actor=sysadmin, account=account, now=self.now),
                    codes.reset_code, secadmin)  # fmt: skip
        minutes, hours = 20 + self.number % 2, 11 + self.number % 2

        def ask(**changes: int) -> Any:
            return policy.ask_for_policy(actor=sysadmin, changes=changes, now=self.now)

        self.by_two("set policy", "iam.policy_set", lambda: ask(idle_minutes=minutes), policy.set_policy, secadmin)
        self.once("set policy at once", "iam.policy_set", lambda: carrying.confirm_and_carry_out(
            actor=secadmin, request=ask(session_hours=hours), now=self.now))  # fmt: skip

    def calendar(self, asks: Any, confirms: Any, asked: Callable[[str], Any]) -> None:
        """A year's calendar set by two administrators; due dates follow it."""
        from banyan.domain.administering import actions as administering
        from banyan.domain.administering.calendar_settings import shipped_year
        from banyan.domain.ra import actions as ra

        year = 2030 + self.number
        content = {**shipped_year(year), "is_known": True}
        self.once("ask for calendar", "iam.dual_requested", lambda: administering.ask_for_change(
            asks, f"calendar:{year}", content, reason="测试", now=self.now))  # fmt: skip
        self.once("confirm calendar", "rulebook.changed", lambda: administering.confirm_change(
            confirms, asked("PENDING"), self.now))  # fmt: skip

        def follow() -> None:
            while ra.recompute_due_dates(self.system, self.now):
                pass

        self.again("due dates", follow)

    def log_in(self, *names: str) -> None:
        """Sessions of the sample's people, by fresh links."""
        from banyan.domain.iam.login import log_in_with_link
        from banyan.domain.iam.sample_links import renew_sample_links

        if "sessions" in self.diary:
            return
        links = {link.account.username: link.secret for link in renew_sample_links(now=self.now)}
        password = f"Aa1!{os.urandom(18).hex()}"
        self.diary.write("sessions", {
            name: log_in_with_link(secret=links[name], password=f"{password}{place}", channel="cli", now=self.now).token
            for place, name in enumerate(names)
        })  # fmt: skip

    def person(self, name: str) -> Any:
        return self.actor(self.diary["sessions"][name])

    def actor(self, token: str) -> Any:
        from banyan.domain.iam.access import actor_from_session

        return actor_from_session(token, self.now)

    def registers(self) -> None:
        """Parties, issuing points, systems."""
        from banyan.cli import sample
        from banyan.domain.ca.access import PairHoldings
        from banyan.domain.inventory import actions as inventory
        from banyan.domain.parties import actions as parties
        from banyan.domain.parties.models import Device, IssuingPoint, Organization, Person
        from banyan.domain.systems import actions as systems
        from banyan.domain.systems.models import IssuingSystem

        who, n = self.everything, self.number
        first = 500 + 20 * n
        people = [self.person_entry(first + place) for place in range(8)]
        body = parties.OrganizationEntry(f"测试虚构{first}局", sample.credit_code(first), "350102")
        device = parties.DeviceEntry("350102", name=f"测试网关{n}", domain_name=f"gw{n}.gov.example")
        self.again("regions", lambda: parties.install_regions(self.system, now=self.now))
        self.again("media", lambda: inventory.install_media(self.system, now=self.now))
        self.again("systems", lambda: systems.install_systems(self.system, now=self.now))
        self.again("person", lambda: parties.register_person(who, people[0], now=self.now))
        self.again("people", lambda: parties.register_people(who, people, now=self.now))
        self.again("organization", lambda: parties.register_organization(who, body, now=self.now))
        self.again("organizations", lambda: parties.register_organizations(who, [body], now=self.now))
        self.again("device", lambda: parties.register_device(who, device, now=self.now))
        self.again("devices", lambda: parties.register_devices(who, [device], now=self.now))
        if "people ids" not in self.diary:
            self.diary.write("people ids", [parties.register_person(who, one, now=self.now).pk for one in people])
        found = self.diary["people ids"]
        assert Person.objects.unscoped("life").filter(pk__in=found).count() == len(people)
        self.diary.write("body", Organization.objects.unscoped("life").get(uscc=sample.credit_code(first)).pk)

        def updated(model: Any, pk: int, work: Callable[[int], object], event: str) -> None:
            version = model.objects.unscoped("life").get(pk=pk).version
            self.once(event, event, lambda: work(version))

        thing = Device.objects.unscoped("life").get(name=f"测试网关{n}", domain_name=f"gw{n}.gov.example").pk
        updated(Person, found[7], lambda version: parties.update_person(
            who, found[7], version, parties.PersonChanges(phone="13800000099"), now=self.now),
            "parties.person_updated")  # fmt: skip
        updated(Organization, self.body, lambda version: parties.update_organization(
            who, self.body, version, parties.OrganizationChanges(region="350103"), now=self.now),
            "parties.organization_updated")  # fmt: skip
        updated(Device, thing, lambda version: parties.update_device(
            who, thing, version, parties.DeviceChanges(serial_number=f"SN{n}"), now=self.now),
            "parties.device_updated")  # fmt: skip
        self.once("reveal", "parties.person_revealed",
                  lambda: parties.reveal_person(who, found[7], purpose="核对", now=self.now))  # fmt: skip
        self.once("look up", "parties.holdings_looked_up",
                  lambda: parties.look_up_holdings(who, PairHoldings(self.now), people=found, now=self.now))  # fmt: skip
        self.once("open point", "parties.issuing_point_opened", lambda: parties.open_issuing_point(
            who, code=f"LP{n}", name=f"测试签发点{n}", region_code="350102", now=self.now))  # fmt: skip
        point = IssuingPoint.objects.unscoped("life").get(code=f"LP{n}")
        self.once("update point", "parties.issuing_point_updated", lambda: parties.update_issuing_point(
            who, point.pk, point.version, name=f"测试签发点{n}改", now=self.now))  # fmt: skip
        row = IssuingSystem.objects.get(code="GENERAL")
        self.once("configure", "systems.configured", lambda: systems.configure_system(
            who, "GENERAL", row.version, is_enabled=True, now=self.now))  # fmt: skip
        self.once("switch", "systems.point_switched", lambda: systems.switch_issuing_point(
            who, "GENERAL", point.pk, is_enabled=True, now=self.now))  # fmt: skip

    @property
    def people(self) -> list[int]:
        return list(self.diary["people ids"])

    @property
    def body(self) -> int:
        return int(self.diary["body"])

    def person_entry(self, number: int) -> Any:
        from banyan.cli import sample
        from banyan.domain.parties.actions import PersonEntry

        return PersonEntry(
            "测试" + "甲乙丙丁戊己庚辛壬癸"[number % 10], "RESIDENT", sample.resident_id(number), "350102"
        )

    def stock(self) -> None:
        """A token without a device through every state."""
        from banyan.domain.inventory import actions as inventory
        from banyan.domain.inventory import token_life
        from banyan.domain.inventory.models import MediumKind, Token

        who, n = self.everything, self.number
        self.once("medium", "inventory.medium_registered", lambda: inventory.register_medium(
            who, code=f"LM{n:03d}", kind=MediumKind("USB_KEY"), name="测试介质", vendor="测试", now=self.now))  # fmt: skip
        serial = f"LIFE{n:06d}"
        entry = inventory.TokenEntry(serial)
        self.once("receive", "inventory.tokens_received", lambda: inventory.receive_tokens(
            who, [entry], medium="USB_KEY", region_code="350102", now=self.now))  # fmt: skip
        token = Token.objects.unscoped("life").get(serial=serial).pk
        self.once("move stock", "inventory.stock_moved", lambda: inventory.move_stock(
            who, [token], region_code="350102", issuing_point_id=None, now=self.now))  # fmt: skip
        self.once("pins", "inventory.pins_made", lambda: inventory.make_pins(who, [token], now=self.now))
        self.agents()
        path = (
            "assign", "release", "assign", "personalize", "abandon", "personalize", "finish", "ship", "come_back", "ship",
            "hand_over", "lock", "unlock", "take_back", "restock", "assign", "lose", "find", "damage", "destroy",
        )  # fmt: skip
        with_reason = {"lose", "damage", "destroy"}
        for place, verb in enumerate(path):
            options = {"reason": "测试"} if verb in with_reason else {}
            moved = partial(getattr(token_life, verb), who, [token], now=self.now, **options)
            self.once(f"stock {place}", f"inventory.{verb}", moved)
            if place == 0:
                self.once("open pin", "inventory.admin_pin_opened",
                          lambda: inventory.open_admin_pin_for_unlock(who, token, now=self.now))  # fmt: skip

    def agents(self) -> None:
        """An agent put on the list, taken off it, and put on it again."""
        from banyan import gm
        from banyan.domain.inventory import actions as inventory
        from banyan.domain.inventory.agents import key_id_of
        from banyan.pki.public_key import sm2_spki

        spki = sm2_spki(gm.sm2.generate_keypairs(1)[0].public)
        public = bytes.fromhex(self.diary.lines.get("agent") or self.diary.write("agent", spki.hex()))
        register = partial(
            inventory.register_agent,
            self.everything,
            public_key=public,
            name="测试",
            region_code="350000",
            now=self.now,
        )
        self.once("agent on", "inventory.agent_registered", register)
        self.once("agent off", "inventory.agent_ended", lambda: inventory.end_agent(
            self.everything, key_id_of(public), reason="测试", now=self.now))  # fmt: skip
        self.once("agent again", "inventory.agent_registered", register)

    def outbox(self) -> None:
        from banyan.domain import audit, outbox
        from banyan.domain.iam import outbox_control
        from banyan.domain.outbox.errors import DeliveryRefused
        from banyan.domain.outbox.models import OutboxMessage

        target = f"life{self.number}"

        def enqueue() -> None:
            with audit.action_scope():
                outbox.enqueue("life.test", "", {}, target=target, now=self.now)
                audit.record(self.system, "test.enqueue", None)

        def refuse(*_: Any) -> None:
            raise DeliveryRefused(reason="never")

        self.once("enqueue", "test.enqueue", enqueue)
        self.again("deliver", lambda: outbox.deliver_due(self.now, {target: refuse}))
        message = OutboxMessage.objects.get(target=target)
        self.once("resend", "outbox.resent",
                  lambda: outbox_control.resend(actor=self.everything, message_id=message.pk, now=self.now))  # fmt: skip
        self.once("pause", "outbox.paused",
                  lambda: outbox_control.pause(actor=self.everything, target=target, now=self.now))  # fmt: skip
        self.once("resume", "outbox.resumed",
                  lambda: outbox_control.resume(actor=self.everything, target=target, now=self.now))  # fmt: skip

    # requests

    def counter(self) -> None:
        """A new certificate at the counter: material missing, sent back, called off at the CA, and begun anew."""
        from banyan.cli import opening
        from banyan.cli.application_file import Application
        from banyan.cli.sample import resident_id

        number = 500 + 20 * self.number + 9
        application = Application(
            business="enroll", channel="counter", system="通用", kind="个人", region="350102",
            person={"name": "测试甲", "id_number": resident_id(number)}, key=f"life-counter-{self.number}",
        )  # fmt: skip
        request = opening.open_request(self.clerk, application, self.now)
        said = {"subject": {"OU": "测试科"}, "requester": {"name": "测试经办"}}
        self.carry(request.pk, application=replace(application, data=said), is_troubled=True)

    def staff_certificates(self) -> None:
        """A certificate bound to an account, an answer that does not hold, the switch there and back, and unbound."""
        from banyan.domain.ca.models import Certificate, CertificatePair
        from banyan.domain.ca.standing import PlatformCertificates
        from banyan.domain.iam import binding, staff_login
        from banyan.domain.iam.certificate_login import Answer, log_in_by_certificate
        from banyan.domain.iam.challenges import open_challenge
        from banyan.domain.iam.errors import CertificateLoginRefused
        from banyan.domain.iam.models import StaffAccount

        asks, confirms = self.person("sysadmin"), self.person("secadmin")
        account = StaffAccount.objects.get(username=f"life{self.number}")
        pair = (
            CertificatePair.objects.unscoped("life").filter(kind="PERSONAL", origin="OWN", state="VALID").latest("pk")
        )
        der = bytes(Certificate.objects.get(pair=pair, use="SIGNING").der)
        origin, known = "https://ra.example.cn", PlatformCertificates()

        def bind() -> Any:
            return binding.ask_for_binding(
                actor=asks, account=account, certificate=der, certificates=known, now=self.now
            )

        def answer_wrongly() -> None:
            given = open_challenge(origin=origin, browser="", channel="pages", now=self.now)
            try:
                log_in_by_certificate(
                    answer=Answer(given.challenge, b"0", der, given.browser), origin=origin, certificates=known,
                    now=self.now,
                )  # fmt: skip
            except CertificateLoginRefused:
                return

        def switch(method: str) -> Callable[[], Any]:
            return lambda: staff_login.ask_for_staff_login(actor=asks, method=staff_login.Method(method), now=self.now)

        def unbind() -> Any:
            return binding.ask_for_unbinding(actor=asks, account=account, now=self.now)

        self.by_two("bind", "iam.certificate_bound", bind, binding.bind_certificate, confirms)
        self.again("answer wrongly", answer_wrongly)
        for method in ("two_factor", "password"):
            self.by_two(method, "iam.staff_login_set", switch(method), staff_login.set_staff_login, confirms)
        self.by_two("unbind", "iam.certificate_unbound", unbind, binding.unbind_certificate, confirms)

    def by_two(
        self, name: str, event: str, ask: Callable[[], Any], carry_out: Callable[..., Any], confirms: Any
    ) -> None:
        """One asks, another confirms and carries out."""
        from banyan.domain.iam.dual_control import confirm_dual
        from banyan.domain.iam.models import DualControlRequest

        def asked(state: str) -> DualControlRequest:
            return DualControlRequest.objects.filter(state=state).latest("pk")

        self.once(f"ask to {name}", "iam.dual_requested", ask)
        self.once(f"confirm to {name}", "iam.dual_confirmed",
                  lambda: confirm_dual(actor=confirms, request=asked("PENDING"), now=self.now))  # fmt: skip
        self.once(name, event, lambda: carry_out(actor=confirms, request=asked("CONFIRMED"), now=self.now))

    def moods_of_a_ca(self) -> None:
        """A CA that is silent, then undecided, then refuses; the request goes on all the same."""
        from banyan.domain.ca.ports import Pending, Rejected
        from banyan.domain.ra import actions as ra
        from banyan.kernel.errors import ServiceUnavailable
        from support.killing import moment_due

        request = self.opened("moods", person_id=self.people[0])
        self.carry(request, until="issue")
        if "moods" in self.diary:
            self.carry(request)
            return
        if self.fresh(request).issuance_id is None and "silent" not in self.diary:
            self.issue(self.fresh(request))

        class Moody:
            code = "embedded"
            is_silent, is_decided = True, False

            def submit_many(self, tasks: Any) -> None:
                if self.is_silent:
                    raise ServiceUnavailable(service="embedded")

            def collect_many(self, task_nos: Sequence[str]) -> list[Any]:
                if self.is_silent:
                    raise ServiceUnavailable(service="embedded")
                if self.is_decided:
                    return [Rejected(one, "test.refused", "测试拒绝", {}) for one in task_nos]
                return [Pending(one) for one in task_nos]

        moody: Any = Moody()
        self.again("silent", lambda: ra.carry_on(self.system, moody, moment_due()))
        moody.is_silent = False
        self.again("undecided", lambda: ra.carry_on(self.system, moody, moment_due()))
        moody.is_decided = True
        # Refused and not yet taken back: the next round, with whomever, brings the request back to the step.
        self.again("refused", lambda: ra.carry_on(self.system, moody, moment_due()))
        self.diary.write("moods")
        self.carry(request)

    def opened(self, key: str, **values: Any) -> int:
        """A request under a key of this life; opened again it is the same."""
        from banyan.domain.ra import actions as ra
        from banyan.domain.ra.values import RequestData, RequestDraft
        from support.issuing import materials

        business = values.get("business", "enroll")
        data = RequestData(requester={"name": "测试经办"}, validity_days=values.pop("days", None))
        draft: dict[str, Any] = {"business": "enroll", "channel": "API", "data": data}
        if business == "enroll":
            draft |= {"system": "GENERAL", "kind": "PERSONAL", "region_code": "350102", "organization_id": self.body}
        else:
            draft |= {"channel": "ONLINE", "materials": materials("modify")}
        if business in ("unlock", "revoke"):
            draft |= {"channel": "COUNTER", "data": None}
        opened = ra.open_request(
            self.clerk, RequestDraft(**{**draft, **values}), self.now, key=f"life-{self.number}-{key}"
        )
        return int(opened.pk)

    def fresh(self, request: int) -> Any:
        from banyan.domain.ra.models import ServiceRequest

        return ServiceRequest.objects.unscoped("life").get(pk=request)

    def carry(self, request_id: int, *, until: str = "", application: Any = None, is_troubled: bool = False) -> Any:
        """Carry a request from wherever it is to its end, each step by whoever may do it."""
        from banyan.cli import opening
        from banyan.domain.desk.sending import send_once
        from banyan.domain.ra import actions as ra
        from support.issuing import requester

        while True:
            request = self.fresh(request_id)
            if request.state != "OPEN" or request.step == until:
                return request
            now, pk = self.now, request.pk
            match request.step:
                case "precheck":
                    if missing := ra.precheck(self.clerk, pk, now):
                        codes = [one.code for one in missing]
                        ra.add_materials(self.clerk, pk, self.scans(codes), now)
                case "approve":  # by the counter's form
                    if is_troubled:
                        self.files_of(pk)
                    ra.look_up_others(self.approver, request, now)
                    decide = partial(self.decided, pk, now)
                    key, seen = f"life-{pk}-{request.version}", (pk, request.version)
                    send_once(self.approver, "approval", key, {"do": "approve"}, decide, now, seen=seen)
                case "enter":
                    opening.enter(self.clerk, request, application, now)
                case "proofread":
                    if is_troubled:
                        again = partial(self.entered_once_more, pk, now)
                        self.once(f"enter corrected {pk}", "ra.enter", again)
                        back = partial(ra.send_back, self.proofreader, pk, now, reason="写错")
                        self.once(f"send back {pk}", "ra.send_back", back)
                        if self.fresh(pk).step != "proofread":
                            continue
                        self.once(f"send back marked {pk}", "ra.send_back", partial(self.marked, pk, now))
                        if self.fresh(pk).step != "proofread":
                            continue
                    self.read_by_field(pk, now)
                case "issue":
                    self.issue_and_collect(request, is_troubled)
                case "personalize":
                    if is_troubled and f"void {pk}" not in self.diary:
                        self.once(f"files {pk}", "ra.give_files", partial(ra.give_files, self.clerk, pk))
                        void = partial(ra.void_pair, self.clerk, pk, now, reason="写不进", is_token_damaged=False)
                        self.once(f"void {pk}", "ra.void_pair", void)
                        continue
                    self.write_into_token(request)
                case "notify_ready":
                    ra.notify_ready(self.clerk, pk, now)
                case "hand_over":
                    ra.hand_over(self.clerk, pk, now, receiver=requester(request))
                case "unlock":
                    self.unlock(request)
                case "revoke":
                    ra.revoke(self.clerk, pk, now, is_token_returned=True)
                case other:
                    raise AssertionError(other)

    def entered_once_more(self, request_id: int, now: Any) -> None:
        """The form of entry, sent with the data that stand there."""
        from banyan.domain.ra import access
        from banyan.domain.ra import actions as ra
        from banyan.domain.ra.correcting import Corrections

        data = access.data_of(self.clerk, request_id)
        assert data is not None
        ra.enter_corrected(self.clerk, request_id, data, Corrections(), now)

    def marked(self, request_id: int, now: Any) -> None:
        """A field marked, and the data sent back for it."""
        from banyan.domain.ra import actions as ra
        from banyan.domain.ra import checking
        from banyan.domain.ra.models import FieldCheck

        seen = checking.sheet(self.fresh(request_id)).content_digest
        differs = FieldCheck.Result.DIFFERS
        ra.settle_field(self.proofreader, request_id, "region", differs, now, seen=seen, reason="写错")
        ra.send_back_marked(self.proofreader, request_id, now, seen=seen)

    def read_by_field(self, request_id: int, now: Any) -> None:
        """Each field confirmed or typed again, then all of them passed."""
        from banyan.domain.ra import actions as ra
        from banyan.domain.ra import checking
        from banyan.domain.ra.models import FieldCheck

        sheet = checking.sheet(self.fresh(request_id))
        who, seen = self.proofreader, sheet.content_digest
        for one in sheet.fields:
            if one.care is checking.Care.PLAIN:
                ra.settle_field(who, request_id, one.code, FieldCheck.Result.SAME, now, seen=seen)
            else:
                ra.compare_field(who, request_id, one.code, one.value, now, seen=seen)
        ra.proofread_checked(who, request_id, now, seen=seen)

    def decided(self, request_id: int, now: Any) -> dict[str, Any]:
        """What the owner's form asks for."""
        from banyan.domain.ra import actions as ra

        return {"number": ra.approve(self.approver, request_id, now).number}

    def hold(self, request_id: int) -> None:
        """A file comes while the scanner is down."""
        from banyan.domain.ra import actions as ra
        from banyan.domain.ra import quarantine

        def hold() -> None:
            arrived = quarantine.receive("扫描件.pdf", [f"{self.number} {request_id}".encode()], 1000)
            ra.hold_file(self.clerk, request_id, "other", arrived, self.now)

        self.once(f"hold {request_id}", "ra.hold_file", hold)

    def files_of(self, request_id: int) -> None:
        """A held file is dropped; an original is sent back."""
        from banyan.domain.ra import actions as ra
        from banyan.domain.ra.models import HeldFile, Material

        self.hold(request_id)

        def drop() -> None:
            ra.drop_held_file(self.clerk, request_id, HeldFile.objects.get(request_id=request_id).pk)

        self.once(f"drop {request_id}", "ra.drop_held_file", drop)
        material = Material.objects.filter(request_id=request_id).earliest("pk")
        give = partial(ra.download_original, self.clerk, request_id, material.pk)
        self.once(f"download {request_id}", "ra.download_material", give)

    def scans(self, codes: Sequence[str]) -> list[Any]:
        from banyan.domain.ra.values import NewMaterial

        return [NewMaterial(code, f"{code}.pdf", f"{self.number} {code}".encode()) for code in codes]

    def issue_and_collect(self, request: Any, is_troubled: bool) -> None:
        from banyan.domain.ra import actions as ra

        if is_troubled and request.issuance_id is None:
            self.once(f"aside {request.pk}", "ra.set_token_aside", partial(self.set_aside, request))
        if request.issuance_id is None:
            self.issue(request)
            request = self.fresh(request.pk)
        if is_troubled and request.issued_pair_id is None:
            name = f"call off {request.pk}"
            if name not in self.diary:
                work = partial(ra.cancel_issuance, self.clerk, request.pk, self.now, reason="换介质")
                self.once(name, "ra.cancel_issuance", work)
                return
        self.round()
        if self.fresh(request.pk).step == "issue":
            time.sleep(0.005)

    def set_aside(self, request: Any) -> None:
        """A token is prepared for a request, and then another one is wanted."""
        from banyan.cli import personalizing
        from banyan.cli.main_job import serial_for
        from banyan.domain.ra import actions as ra

        serial = f"{serial_for(request)}A"
        for made in personalizing.make_tokens(self.home, self.clerk, [serial], request.region_code, self.now):
            self.diary.write(f"pin {serial}", made.user_pin)
        with self.desk(serial) as desk:
            personalizing.prepare(desk, self.clerk, request, serial, self.now)
        ra.set_token_aside(self.clerk, request.pk, self.now, reason="坏了")

    def issue(self, request: Any) -> None:
        from banyan.cli import personalizing
        from banyan.cli.main_job import serial_for
        from banyan.domain.ra import actions as ra

        serial = request.token_serial if request.business in ("renew", "modify") else serial_for(request)
        if "epoch" in self.diary and request.token_serial != serial:
            serial += "R"  # the number was given before the restore, and a device of that name went with it
        if request.business not in ("renew", "modify"):
            for made in personalizing.make_tokens(self.home, self.clerk, [serial], request.region_code, self.now):
                self.diary.write(f"pin {serial}", made.user_pin)
        with self.desk(serial) as desk:
            order = personalizing.prepare(desk, self.clerk, request, serial, self.now)
        outcome = ra.issue_many(self.clerk, [order], self.now)
        if outcome.refusals:
            raise outcome.refusals[0].error

    def round(self) -> None:
        from banyan.adapters.connectors import CONNECTORS, connector
        from banyan.domain.ra import actions as ra
        from support.killing import moment_due

        for name in CONNECTORS:
            ra.carry_on(self.system, connector(name, self.home), moment_due())

    def write_into_token(self, request: Any) -> None:
        from banyan.cli import personalizing
        from banyan.cli.desk import ORIGIN
        from banyan.domain.ra import actions as ra

        with self.desk(request.token_serial) as desk:
            proof = personalizing.write(desk, self.clerk, request, self.now)
        ra.personalize(self.clerk, request.pk, self.now, signature=proof, origin=ORIGIN)

    @contextmanager
    def desk(self, serial: str) -> Iterator[Any]:
        """The counter's machine, its agent on the list, whose window is told this token's PIN."""
        from banyan.cli import personalizing
        from banyan.cli.desk import Desk, typed

        with Desk(self.home) as desk:
            personalizing.register_agent(desk, self.clerk, "350000", "测试", self.now)
            with desk.answering(typed(lambda: str(self.diary[f"pin {serial}"]))):
                yield desk

    def unlock(self, request: Any) -> None:
        from banyan.cli.desk import ORIGIN
        from banyan.cli.soft_tokens import drawer
        from banyan.domain.inventory.agents import key_id_of
        from banyan.domain.inventory.sealed_tasks import Begun
        from banyan.domain.ra import actions as ra
        from banyan.kernel.errors import BanyanError
        from banyan_token import make_response

        serial, pin = request.token_serial, "73910482"
        with drawer(self.home).open(serial) as token:
            while token.info().state != "locked" and f"unlocked {serial}" not in self.diary:
                try:
                    token.verify_pin("10203040")
                except BanyanError:
                    continue
            if f"unlocked {serial}" not in self.diary:
                # The challenge stays the same until it is answered; a lost answer is given again.
                challenge = self.diary.lines.get(f"challenge {serial}") or self.diary.write(
                    f"challenge {serial}", token.unlock_challenge()
                )
                # Sealed for an agent, and once more for the device itself.
                begun = Begun(key_id_of(bytes.fromhex(self.diary["agent"])), ORIGIN, "banyan", bytes(32))
                ra.unlock_by_agent(self.clerk, request.pk, begun, challenge, self.now, respond=make_response)
                answer = ra.unlock(
                    self.clerk, request.pk, self.now, challenge=challenge, new_pin=pin, respond=make_response
                )
                token.answer_challenge(answer)
                self.diary.write(f"unlocked {serial}")
        self.diary.write(f"pin {serial}", pin)
        ra.unlocked(self.clerk, request.pk, self.now)

    def businesses(self) -> None:
        """Renewal, reissue of a lost token, modification, unlocking, revocation, withdrawal, rejection."""
        from banyan.domain.parties import actions as parties
        from banyan.domain.parties.models import Person
        from banyan.domain.ra import actions as ra

        olds = [self.opened(f"new {place}", person_id=self.people[place], days=30) for place in range(1, 6)]
        pairs = [self.carry(one).issued_pair_id for one in olds]
        renew, lost, change, locked, ended = pairs
        self.carry(self.opened("renew", business="renew", pair_id=renew))
        reissue = self.opened("reissue", business="reissue", reason="lost", pair_id=lost)
        self.carry(reissue, until="issue")
        self.expect(lost, "REVOKED")  # at approval, before the new one exists
        self.carry(reissue)
        person = Person.objects.unscoped("life").get(pk=self.people[3])
        if person.name != "测试改名":
            parties.update_person(
                self.clerk, person.pk, person.version, parties.PersonChanges(name="测试改名"), now=self.now
            )
        modify = self.opened("modify", business="modify", pair_id=change)
        self.carry(modify, until="hand_over")
        if self.fresh(modify).state == "OPEN":
            self.expect(change, "VALID")
        self.by_post(modify)
        self.expect(change, "REVOKED")
        self.carry(self.opened("unlock", business="unlock", pair_id=locked))
        self.carry(self.opened("revoke", business="revoke", reason="no_longer_used", pair_id=ended))
        self.expect(ended, "REVOKED")
        withdrawn = self.opened("withdrawn", person_id=self.people[6])
        self.hold(withdrawn)
        # Withdrawn when the pair is signed and not yet in a token: nothing issued is left without an owner.
        self.carry(withdrawn, until="personalize")
        self.once("cancel", "ra.cancel", lambda: ra.cancel(self.clerk, withdrawn, self.now, reason="撤回"))
        self.once("tidy held", "ra.drop_held_file", lambda: ra.tidy_quarantine(self.system, self.now))
        self.expect(self.fresh(withdrawn).issued_pair_id, "REVOKED")
        self.spare()
        self.diary.write("pairs", {"renewed": renew, "lost": lost, "new": self.fresh(reissue).issued_pair_id})

    def by_post(self, request: int) -> None:
        """Telling and handing over by post, with everything that goes wrong on the way."""
        from banyan.domain.ra import actions as ra
        from banyan.domain.ra import recipients, sms
        from banyan.domain.ra.models import Notice, Parcel
        from banyan.domain.ra.values import NewMaterial

        notice = Notice.objects.unscoped("life").filter(request=request, code="ready").latest("pk").pk
        told = {"ra.notice_sent": partial(sms.note_attempt, self.system, notice, "late", "WAITING", self.now),
                "ra.notice_called": partial(ra.record_call, self.clerk, notice, self.now, result="no_answer"),
                "ra.notice_resent": partial(ra.resend_notice, self.clerk, notice, self.now)}  # fmt: skip
        for event, work in told.items():
            self.once(f"{event} {request}", event, work)
        self.once(f"phone {request}", "ra.requester_revealed",
                  lambda: ra.reveal_requester(self.clerk, request, self.now))  # fmt: skip
        recipient = recipients.read(name="测试经办", phone="13800000023", address="福建省福州市虚构路 1 号")

        def parcel() -> int:
            return Parcel.objects.unscoped("life").filter(items__request=request).latest("pk").pk

        def step(name: str, event: str, work: Callable[[], object]) -> None:
            self.once(f"{name} {request}", event, work)

        for place in range(3):
            step(f"pack {place}", "ra.parcel_prepared", lambda: ra.prepare_parcel(
                self.clerk, [request], recipient, self.now))  # fmt: skip
            if place == 0:
                step("label", "ra.recipient_revealed", lambda: ra.reveal_recipient(self.clerk, parcel(), self.now))
                step("unpack", "ra.parcel_unpacked", lambda: ra.take_out(self.clerk, parcel(), request, self.now))
                continue
            waybill = self.waybill(place)
            step(f"send {place}", "ra.parcel_sent", partial(self.send, parcel, waybill))
            if place == 1:
                step("back", "ra.parcel_returned", lambda: ra.parcel_returned(
                    self.clerk, parcel(), self.now, reason="无人签收"))  # fmt: skip
        step("arrived", "ra.parcel_delivered", lambda: ra.parcel_delivered(self.clerk, parcel(), self.now))
        scan = NewMaterial("handover_receipt", "领取表.pdf", b"signed", "application/pdf")
        step("receipt", "ra.receipt_kept", lambda: ra.add_receipt(self.clerk, request, scan, self.now))

    def send(self, parcel: Callable[[], int], waybill: str) -> Any:
        from banyan.domain.ra import actions as ra

        return ra.send_parcel(self.clerk, parcel(), self.now, waybill=waybill)

    def waybill(self, place: int) -> str:
        from banyan.domain.ra.waybills import check_digit

        digits = f"{self.number * 10 + place:08d}"
        return f"EE{digits}{check_digit(digits)}CN"

    def spare(self) -> None:
        """A request opened without a key, corrected, and withdrawn."""
        from banyan.domain.ra import actions as ra
        from banyan.domain.ra.models import ServiceRequest
        from banyan.domain.ra.values import RequestData, RequestDraft

        draft = RequestDraft("enroll", "API", "GENERAL", "PERSONAL", "350102", self.people[6], self.body,
                             data=RequestData(requester={"name": "测试经办"}))  # fmt: skip
        corrected = RequestData(subject={"OU": "测试二科"}, requester={"name": "测试经办"})
        self.once("open spare", "ra.open_request", lambda: ra.open_requests(self.clerk, [draft], self.now))
        pk = ServiceRequest.objects.unscoped("life").filter(person_id=self.people[6]).latest("pk").pk
        self.once("correct spare", "ra.enter", lambda: ra.enter(self.clerk, pk, corrected, self.now))
        self.once("cancel spare", "ra.cancel", lambda: ra.cancel(self.clerk, pk, self.now, reason="撤回"))
        self.taken_in()

    def taken_in(self) -> None:
        """Somebody at the counter: looked up, taken in, another requester noted, withdrawn."""
        from banyan.cli.sample import resident_id
        from banyan.domain.parties.identity_rules import identity_number
        from banyan.domain.parties.registering import PersonEntry
        from banyan.domain.ra import actions as ra
        from banyan.domain.ra.models import Intake
        from banyan.domain.ra.values import Brought
        from banyan.domain.sheets import actions as sheets

        typed = resident_id(500 + 20 * self.number + 9)
        holder = ra.HolderNamed(identity_number("RESIDENT", typed, today=self.now.date()))
        person = PersonEntry("测试甲", "RESIDENT", typed, "350102")
        said, other = (Brought({"name": name, "phone": "13800000023"}) for name in ("测试经办", "测试另一经办"))
        application = ra.IntakeForm("enroll", "350102", said, "GENERAL", "PERSONAL", person)
        self.again("look up holder", lambda: ra.look_up_holder(self.clerk, holder, self.now))
        self.once("take in", "ra.take_in", lambda: ra.take_in(self.clerk, application, self.now))
        pk = Intake.objects.latest("request_id").request_id
        self.once("requester", "ra.change_intake", lambda: ra.change_intake(self.clerk, pk, other, self.now))
        begin = partial(sheets.begin_import, name="a.csv", content=b"a", row_count=1, left_out=(), now=self.now)
        sheet = begin(self.clerk).pk
        self.once("original", "sheets.open_original", lambda: sheets.open_original(self.clerk, sheet, self.now))
        self.once("withdraw taken in", "ra.cancel", lambda: ra.cancel(self.clerk, pk, self.now, reason="撤回"))

    def papers(self) -> None:
        """A form and a PIN letter printed, the letter spoilt and its PIN renewed; a template withdrawn, another one confirmed."""
        from banyan.cli.desk import ORIGIN
        from banyan.domain.inventory.agents import key_id_of
        from banyan.domain.inventory.sealed_tasks import Begun
        from banyan.domain.papers import changing, letters, printing
        from banyan.domain.papers.models import PaperVersion
        from support.papers import Notebook

        request = self.opened("letter", person_id=self.people[6])
        self.carry(request, until="notify_ready")
        maker = Notebook()
        printed = partial(
            printing.print_for_requests, actor=self.clerk, request_ids=[request], code="label_24", maker=maker
        )
        letter = partial(letters.print_letter, actor=self.clerk, request_id=request, maker=maker)
        begun = Begun(key_id_of(bytes.fromhex(self.diary["agent"])), ORIGIN, "banyan", bytes(32))
        self.once("print a label", "papers.print", lambda: printed(now=self.now))
        self.once("letter", "papers.letter_printed", lambda: letter(now=self.now))
        renew = partial(letters.renew_pin_by_agent, actor=self.clerk, request_id=request, begun=begun, challenge="C")
        self.once("renew pin", "papers.pin_renewed", lambda: renew(respond=lambda *_, **__: "R", now=self.now))
        self.once("letter again", "papers.letter_printed", lambda: letter(now=self.now))
        self.carry(request)
        asks, confirms = self.person("sysadmin"), self.person("secadmin")

        def ask(text: str) -> PaperVersion:
            row = changing.tried_template(actor=asks, code="label_24", content=f"<p>{text}".encode(), maker=maker)
            return changing.ask(actor=asks, row=row, note="", now=self.now)

        def confirm() -> PaperVersion:
            row = PaperVersion.objects.get(state="WAITING")
            return changing.confirm_change(actor=confirms, version_id=row.pk, sm3=bytes(row.sm3).hex(), now=self.now)

        self.once("ask in vain for a template", "papers.change_asked", lambda: ask(f"withdrawn {self.number}"))
        self.once("withdraw a template", "papers.change_withdrawn", lambda: changing.withdraw_change(
            actor=asks, version_id=PaperVersion.objects.get(state="WAITING").pk, now=self.now))  # fmt: skip
        self.once("ask for a template", "papers.change_asked", lambda: ask(f"{{{{ token }}}} {self.number}"))
        self.once("confirm a template", "papers.change_confirmed", confirm)

    def expect(self, pair: int, state: str) -> None:
        from banyan.domain.ca.models import Certificate, CertificatePair

        found = CertificatePair.objects.unscoped("life").get(pk=pair).state
        states = {found, *Certificate.objects.filter(pair_id=pair).values_list("state", flat=True)}
        assert states == {state}, f"pair {pair}: {states}, not {state}"

    def states_and_lists(self) -> None:
        """Hold, release, revocation here and at the superior CA; lists of both."""
        from banyan.adapters.connectors import SIMULATED_SUPERIOR, connector
        from banyan.domain.ca import actions as ca
        from banyan.domain.ca.models import StatusChange
        from support.installation import BY_SUPERIOR

        who, pair = self.everything, self.diary["pairs"]["renewed"]
        organization = self.opened("organization", kind="ORGANIZATION")
        superior = self.carry(organization).issued_pair_id
        for one, label in ((pair, "own"), (superior, "superior")):
            self.once(f"hold {label}", "ca.hold_pair", partial(ca.hold_pair, who, one, self.now))
            self.once(f"release {label}", "ca.release_pair", partial(ca.release_pair, who, one, self.now))
            self.once(f"revoke {label}", "ca.revoke_pair", partial(ca.revoke_pairs, who, [one], "superseded", self.now))
            self.expect(one, "REVOKED")
        link = connector(SIMULATED_SUPERIOR, self.home)
        while StatusChange.objects.filter(state="WAITING").exists():
            ca.settle_status_changes(self.system, link, self.now + timedelta(hours=2))
        assert not StatusChange.objects.exclude(state="DONE").exists()
        own = connector("embedded", self.home)
        self.once("list", "ca.issue_crl", lambda: ca.issue_crl(who, "sm2-personal", own, self.now))
        self.once("list of the superior", "ca.issue_crl", lambda: ca.issue_crl(who, BY_SUPERIOR, link, self.now))

    def recoveries(self) -> None:
        """One recovery by two officers, carried out once; one refused."""
        from banyan.adapters.embedded_ca import EmbeddedConnector
        from banyan.domain.ca.models import Certificate, CertificatePair
        from banyan.domain.kmc import actions as kmc
        from banyan.domain.kmc.models import KeyRecovery
        from banyan.domain.kmc.values import EscrowedKey, RecoveryWish

        old = CertificatePair.objects.unscoped("life").get(pk=self.diary["pairs"]["lost"])
        wanted = Certificate.objects.get(pair=old, use="ENCRYPTION")
        into = Certificate.objects.get(pair_id=self.diary["pairs"]["new"], use="SIGNING")
        key = EscrowedKey(old.issuance_id or 0, wanted.serial, old.person_id, old.region_code)
        wish = RecoveryWish("HOLDER", "介质遗失", bytes(into.der))

        def latest() -> int:
            return int(KeyRecovery.objects.latest("pk").pk)

        self.once("ask in vain", "kmc.request_recovery", lambda: kmc.request_recovery(self.clerk, key, wish, self.now))
        self.once("refuse", "kmc.refuse_recovery",
                  lambda: kmc.refuse_recovery(self.officers[0], latest(), self.now, reason="测试"))  # fmt: skip
        self.once("ask", "kmc.request_recovery", lambda: kmc.request_recovery(self.clerk, key, wish, self.now))
        for officer in self.officers:
            consent = partial(kmc.approve_recovery, officer, latest(), self.now)
            self.once(f"officer {officer.id}", "kmc.approve_recovery", consent)
        if "recovered" not in self.diary:
            centre = EmbeddedConnector(self.home)
            try:
                envelope = kmc.carry_out_recovery(self.clerk, latest(), centre, self.now)
                assert envelope == kmc.carry_out_recovery(self.clerk, latest(), centre, self.now)
            finally:
                centre.close()
            self.diary.write("recovered")
        assert KeyRecovery.objects.get(pk=latest()).state == "DONE"

    def foreign(self) -> None:
        """Certificates of another CA, taken in once; afterwards that CA issues no more here."""
        from banyan.domain.ca import actions as ca
        from banyan.domain.ca.models import CertificatePair, Origin

        code = f"former{self.number}"
        others = foreign_certificates(self.diary, self.people[7])
        self.again("foreign ca", lambda: ca.register_authority(
            self.system, code=code, certificate=others.authority, connector="former", now=self.now, origin=Origin.FOREIGN
        ))  # fmt: skip
        self.again("import", lambda: ca.import_foreign(
            self.clerk, code, others.holdings, self.now, anchors=[others.root], crl=others.crl))  # fmt: skip
        found = CertificatePair.objects.unscoped("life").filter(ca__code=code)
        assert (found.count(), found.filter(state="REVOKED").count()) == (len(others.holdings), 1)
        self.again("retire", lambda: ca.retire_authority(self.system, code=code, now=self.now))

    def checkpoint(self) -> None:
        from banyan.adapters.checkpoints import signing
        from banyan.domain.audit import epochs

        epochs.write_checkpoint(self.home, now=self.now, sign=signing(self.home))

    # the restore

    def lose(self) -> None:
        """What is done after the backup and known to the signer, the token and the checkpoints only."""
        self.carry(self.opened("lost", person_id=self.people[7]))
        self.again("lost checkpoint", self.checkpoint)

    def restore(self) -> None:
        from banyan.adapters.checkpoints import signing
        from banyan.domain.audit import epochs
        from banyan.domain.ca import actions as ca
        from banyan.domain.ca.actions import replaying
        from banyan.domain.iam import audit_control
        from banyan.domain.iam.dual_control import confirm_dual
        from banyan.domain.iam.models import DualControlRequest
        from banyan.kernel.rpc import Client

        if "epoch" not in self.diary:
            self.new_epoch(audit_control, epochs, signing, confirm_dual, DualControlRequest)
        with Client(self.home.socket("signer")) as signer, Client(self.home.socket("kmc")) as centre:
            entries = signer.call("journal", after=0, limit=10_000)
            lacking = replaying.lacking([journal_entry(one) for one in entries])
            highest = max(entry["issuance"] for entry in entries)
            highest = max(highest, centre.call("status")["highest_issuance"])
        self.again("replay", lambda: ca.replay_journal(self.everything, lacking, self.now))
        self.again("reserve", lambda: ca.reserve_issuances(self.everything, highest, self.now))
        self.carry(self.opened("after the restore", person_id=self.people[7]))
        self.again("checkpoint after the restore", self.checkpoint)

    def new_epoch(self, control: Any, epochs: Any, signing: Any, confirm: Any, requests: Any) -> None:
        """Two people; who signs it is the signer."""
        from banyan.domain.audit import checkpoints
        from banyan.domain.audit.models import AuditHead

        one, other = self.person("auditadmin"), self.person("sysadmin")
        if epochs.disagreeing(self.home):
            kind = requests.objects.filter(kind=control.KIND)
            if not kind.exclude(state__in=("USED", "WITHDRAWN")).exists():
                control.ask_for_epoch(self.home, actor=one, reason="测试恢复", now=self.now)
            if request := kind.filter(state="PENDING").first():
                confirm(actor=other, request=request, now=self.now)
            request = kind.get(state="CONFIRMED")
            control.open_epoch(self.home, actor=one, request=request, now=self.now, sign=signing(self.home))
        else:  # declared by a process that died
            control.finish_epoch(self.home, actor=one, now=self.now, sign=signing(self.home))
        declared = [line for line in checkpoints.read(self.home) if line.kind == "epoch"]
        assert AuditHead.objects.get().epoch == declared[-1].epoch
        self.diary.write("epoch")


def journal_entry(one: dict[str, Any]) -> Any:
    from banyan.cli.ca import _entry

    return _entry(one)


@dataclass(frozen=True)
class Foreign:
    root: bytes
    authority: bytes
    crl: bytes
    holdings: list[Any]


def foreign_certificates(diary: Diary, person: int) -> Foreign:
    """Three pairs of a CA elsewhere, one of them revoked; made once and kept."""
    from banyan import gm
    from banyan.domain.ca.values import ForeignHolding
    from banyan.kernel import clock
    from banyan.kernel.identifiers import new_serial
    from banyan.pki.certificate_parts import CertificateParts, IdentifyCode
    from banyan.pki.certificate_template import Template
    from banyan.pki.names import encode_name
    from banyan.pki.profile import Use, load_profiles
    from support.issuing import MemoryCa

    now = clock.now()
    if "foreign" not in diary:
        made = MemoryCa(code="former")

        def certificate(number: int, use: Use, serial: bytes) -> bytes:
            subject = encode_name((("C", "CN"), ("ST", "福建省"), ("O", "前一家单位"), ("CN", f"持有人{number}")))
            template = Template(load_profiles()["sm2-personal"], use, made.issuer)
            (pair,) = gm.sm2.generate_keypairs(1)
            code = IdentifyCode.from_hmac("resident", gm.sm3(str(number).encode()))
            parts = CertificateParts(
                serial, now - timedelta(days=10), now + timedelta(days=40), subject, pair.public, identify_code=code
            )
            tbs = template.encode_tbs(parts)
            return template.assemble(tbs, made.key.sign(tbs))

        pairs = []
        for number in range(3):
            serials = [new_serial(now), new_serial(now)]
            ders = [
                certificate(number, use, one) for use, one in zip((Use.SIGNING, Use.ENCRYPTION), serials, strict=True)
            ]
            pairs.append([one.hex() for one in ders])
        revoked = [(serials[0].hex(), now - timedelta(days=5), "keyCompromise")]
        crl = made.make_crl(7, now - timedelta(days=1), now + timedelta(days=30), revoked)
        diary.write("foreign", [made.root.certificate.hex(), made.certificate.hex(), crl.hex(), pairs])
    root, authority, crl_hex, stored = diary["foreign"]
    holdings = [
        ForeignHolding(
            row=number + 2,
            signing_certificate=bytes.fromhex(signing),
            encryption_certificate=bytes.fromhex(encryption),
            system="GENERAL",
            kind="PERSONAL",
            profile="sm2-personal",
            region_code="350102",
            subject_name=f"持有人{number}",
            person_id=person,
        )
        for number, (signing, encryption) in enumerate(stored)
    ]
    return Foreign(bytes.fromhex(root), bytes.fromhex(authority), bytes.fromhex(crl_hex), holdings)
