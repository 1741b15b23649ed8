"""People who log in by certificate: their pairs from a CA in memory, bound by two administrators, challenges answered."""

from dataclasses import dataclass
from datetime import datetime

from banyan.domain.ca.models import Certificate, CertificatePair
from banyan.domain.ca.standing import PlatformCertificates
from banyan.domain.iam import binding, certificate_login, challenges, staff_login
from banyan.domain.iam.actions import NewSession
from banyan.domain.iam.certificate_login import Answer
from banyan.domain.iam.challenges import NewChallenge, signed_text
from banyan.domain.iam.dual_control import confirm_dual
from banyan.domain.iam.models import Credential, StaffAccount
from banyan.domain.iam.rights import Role
from banyan.domain.iam.sources import Source
from banyan.domain.iam.staff_login import Method
from banyan.domain.ra import actions as ra
from banyan.domain.ra.models import ServiceRequest
from banyan.kernel.actor import Actor
from banyan.pki.skf_blob import to_skf_blob
from support import issuing
from support.agent import PROFILE, SUBJECT, octets_of, text_of
from support.agent import Page as AgentPage
from support.iam import account_with, session_of
from support.issuing import NOW, World
from support.skf import USER_PIN

ORIGIN = "https://ra.example.cn"
CERTIFICATES = PlatformCertificates()


@dataclass
class Administrators:
    """The two who ask and confirm."""

    asks: Actor
    confirms: Actor

    @classmethod
    def at(cls, now: datetime = NOW) -> "Administrators":
        return cls(
            session_of(account_with(Role.SYSTEM_ADMIN, now=now), now=now),
            session_of(account_with(Role.SECURITY_ADMIN, now=now), now=now),
        )

    def bind(self, account: StaffAccount, der: bytes, now: datetime = NOW) -> Credential:
        asked = binding.ask_for_binding(
            actor=self.asks, account=account, certificate=der, certificates=CERTIFICATES, now=now
        )
        confirmed = confirm_dual(actor=self.confirms, request=asked, now=now)
        return binding.bind_certificate(actor=self.confirms, request=confirmed, now=now)

    def unbind(self, account: StaffAccount, now: datetime = NOW) -> StaffAccount:
        asked = binding.ask_for_unbinding(actor=self.asks, account=account, now=now)
        confirmed = confirm_dual(actor=self.confirms, request=asked, now=now)
        return binding.unbind_certificate(actor=self.confirms, request=confirmed, now=now)

    def switch(self, method: Method, now: datetime = NOW) -> None:
        asked = staff_login.ask_for_staff_login(actor=self.asks, method=method, now=now)
        confirmed = confirm_dual(actor=self.confirms, request=asked, now=now)
        staff_login.set_staff_login(actor=self.confirms, request=confirmed, now=now)


@dataclass
class Holder:
    """Somebody with a token: the pair in it, and its signing key."""

    world: World
    pair: CertificatePair

    @classmethod
    def with_new_pair(cls, world: World, person: int = 0, now: datetime = NOW) -> "Holder":
        (pair,) = issuing.issued(world, issuing.draft(world, person=person), now=now)
        return cls(world, pair)

    @property
    def signing(self) -> Certificate:
        return Certificate.objects.get(pair=self.pair, use=Certificate.Use.SIGNING)

    @property
    def der(self) -> bytes:
        return bytes(self.signing.der)

    def sign(self, message: bytes) -> bytes:
        request = ServiceRequest.objects.unscoped("tests").get(pk=self.pair.request_id)
        return self.world.sign(request.number, message)

    def answer(self, given: NewChallenge, *, origin: str = ORIGIN, der: bytes | None = None) -> Answer:
        signature = self.sign(signed_text(origin, given.challenge))
        return Answer(given.challenge, signature, der or self.der, given.browser)

    def enters(self, now: datetime = NOW, *, credential_id: int | None = None) -> NewSession:
        """A whole log-in by certificate."""
        return answered(self.answer(challenge(now, credential_id=credential_id)), now)


def write_pair(world: World, page: AgentPage, serial: str, person: int, now: datetime) -> CertificatePair:
    """A pair in a token behind the agent: its key born there, the request decided and issued, both certificates written."""
    page.agent.pins(USER_PIN, USER_PIN)
    asked = page.ask("prepare", profile=PROFILE, serial=serial, container="k1", subject=text_of(SUBJECT))
    (request,) = issuing.decided(world, issuing.draft(world, person=person), now=now)
    csr = octets_of(asked["request"])
    ra.issue(issuing.clerk(), request.pk, now, csr=csr, token_serial=world.token().serial, container="c1")
    report = ra.carry_on(issuing.SYSTEM, world.connector, now)
    (issued,) = [
        one for one in world.connector.issued.values() if octets_of(asked["public_key"]) in one.signing_certificate
    ]
    assert issued.encryption_certificate is not None
    assert issued.envelope is not None
    page.ask(
        "write", profile=PROFILE, serial=serial, container="k1", nonce=text_of(bytes(32)),
        signing_certificate=text_of(issued.signing_certificate),
        encryption_certificate=text_of(issued.encryption_certificate),
        envelope=text_of(to_skf_blob(issued.envelope)),
    )  # fmt: skip
    return CertificatePair.objects.unscoped("tests").get(pk=report.pairs[0])


def challenge(now: datetime = NOW, *, browser: str = "", credential_id: int | None = None) -> NewChallenge:
    return challenges.open_challenge(
        origin=ORIGIN, browser=browser, channel="pages", now=now, credential_id=credential_id
    )


def answered(answer: Answer, now: datetime = NOW, *, origin: str = ORIGIN, source: Source | None = None) -> NewSession:
    return certificate_login.log_in_by_certificate(
        answer=answer, origin=origin, certificates=CERTIFICATES, now=now, source=source
    )
