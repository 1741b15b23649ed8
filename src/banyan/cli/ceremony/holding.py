"""Holding a ceremony: attended by custodians in production, unattended for a sample, and later a CA's
successor.

Root keys never lie in the installation. They are made in this process, sign, and leave as files under a
secret that only the custodians together have (in a sample: under the signer's KEK, beside the
installation's keys).
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

from banyan.cli.ceremony.custodians import Custodian, combine, new_secret, share
from banyan.cli.ceremony.errors import CeremonyHeld, MadeWrong, NothingToSucceed, OfflineInside, SharesRefused
from banyan.cli.ceremony.making import (
    CeremonyResult,
    MadeAuthority,
    key_attributes,
    make_issuing,
    make_root,
    make_root_crl,
)
from banyan.cli.ceremony.plan import ISSUING_DAYS, AuthorityPlan, Plan, sample_plan
from banyan.cli.ceremony.protocol import write_protocol
from banyan.kernel import clock
from banyan.kernel.errors import N_
from banyan.kernel.home import Home
from banyan.keys import (
    Kek,
    KeyFileDamaged,
    KeyMissing,
    KeyStore,
    StoredKey,
    load_kek,
    receipt_key,
    signer_from_private,
)
from banyan.keys.kek import Passphrase
from banyan.keys.signers import unsafe_new_private
from banyan.pki.certificate import Certificate

ROOT, ISSUING, SUPERSEDED, AUDIT = "root", "issuing", "superseded", "audit"
AUDIT_KEY = "audit"
_GENERATION = re.compile(r"(?P<base>.+?)(-g(?P<number>\d+))?")
HandOut = Callable[[Custodian], None]


class _Diary:
    """The steps as they happen, for the protocol."""

    def __init__(self) -> None:
        self.steps: list[tuple[datetime, str]] = []

    def note(self, what: str) -> None:
        self.steps.append((clock.now(), what))


def sample_ceremony(home: Home, now: datetime, *, address: str = "http://127.0.0.1:8420") -> CeremonyResult:
    """Make the CAs of a sample installation, unattended; every name says 测试.

    Repeating continues what a broken run left and returns the same CAs.
    """
    kek = load_kek(home.keys / "signer.kek")
    diary = _Diary()
    diary.note("测试安装：根密钥由程序生成，存放于安装目录之外的密钥目录")
    return _make_all(
        home,
        kek,
        KeyStore(home.keys / "offline", kek),
        sample_plan(address),
        diary,
        now=now,
        people={"主持人": ("程序（测试）",)},
        threshold=0,
        is_sample=True,
    )


def hold_ceremony(
    home: Home,
    plan: Plan,
    *,
    custodians: Sequence[str],
    threshold: int,
    offline: Path,
    hand_out: HandOut,
    people: dict[str, Sequence[str]],
    now: datetime,
    passphrase: Passphrase | None = None,
) -> CeremonyResult:
    """Make the CAs of a production installation in the presence of custodians.

    ``offline``: a directory on a medium that is taken away; root keys lie there alone, under the
    custodians' secret. ``hand_out`` is called once a custodian with that share and nobody else's.
    ``people``: further roles and names for the protocol. Raises PlanRefused, OfflineInside, KekUnreadable,
    KeyExists, MadeWrong.
    """
    ensure_outside(home, offline)
    if has_authorities(home):
        raise CeremonyHeld(place=str(home.signer / "keys"))
    kek = load_kek(home.keys / "signer.kek", passphrase=passphrase)
    diary = _Diary()
    secret = new_secret()
    shares = share(secret, custodians, threshold)
    diary.note(f"生成托管秘密并分成 {len(shares)} 份，门限 {threshold}")
    # Before anything is certified: the shares must really give the secret back.
    if combine([one.words for one in shares[-threshold:]]) != secret:
        raise SharesRefused(reason=N_("分割后的份额不能恢复秘密"))
    for custodian in shares:
        hand_out(custodian)
        diary.note(f"份额交 {custodian.name} 本人")
    return _make_all(
        home,
        kek,
        KeyStore(offline, Kek(secret)),
        plan,
        diary,
        now=now,
        people={**people, "密钥托管人": tuple(custodians)},
        threshold=threshold,
        is_sample=False,
    )


def succeed(
    home: Home,
    code: str,
    *,
    now: datetime,
    offline: Path | None = None,
    shares: Sequence[str] = (),
    passphrase: Passphrase | None = None,
    people: dict[str, Sequence[str]] | None = None,
) -> CeremonyResult:
    """Roll an issuing CA over: a new key and certificate from the same root; the old CA goes on signing its
    CRLs only.

    ``offline`` and ``shares`` are the root's directory and enough custodians' words (a sample needs
    neither). The successor's code is ``<code>-g2``, ``-g3``… Raises NothingToSucceed, SharesRefused,
    KekUnreadable, MadeWrong.
    """
    kek = load_kek(home.keys / "signer.kek", passphrase=passphrase)
    store = KeyStore(home.signer / "keys", kek)
    try:
        old = store.load(code)
    except KeyMissing as error:
        raise NothingToSucceed(ca=code) from error
    attributes = old.record.attributes
    if attributes["role"] != ISSUING:
        raise NothingToSucceed(ca=code)
    root = _open_root(home, kek, attributes["parent"], offline, shares)
    plan = _successor(old)
    diary = _Diary()
    diary.note(f"以托管人份额打开根密钥 {plan.parent}" if shares else f"打开测试根密钥 {plan.parent}")
    address = attributes["crl_urls"][0].rsplit("/crl/", 1)[0]
    made = _make_issuing(store, plan, root, bytes.fromhex(root.record.attributes["certificate"]), address, now=now)
    diary.note(f"生成 {made.code} 并由 {plan.parent} 签发证书")
    # Last, and only when the successor is there: the old key signs CRLs from here on.
    store.describe(code, {**attributes, "role": SUPERSEDED})
    diary.note(f"{code} 停止签发证书，只签发吊销列表")
    text = write_protocol(
        title="签发 CA 换代记录",
        now=now,
        organization=dict(plan.name).get("O", ""),
        people=people or {},
        threshold=0,
        authorities=[made],
        steps=diary.steps,
        is_sample=not shares,
    )
    return CeremonyResult((made,), {}, text)


def has_authorities(home: Home) -> bool:
    """Whether a ceremony was held: some CA key lies in the installation."""
    return any((home.signer / "keys").glob("*.key"))


def ensure_outside(home: Home, offline: Path) -> None:
    """Raises OfflineInside unless ``offline`` is apart from the installation and its keys."""
    place = offline.resolve()
    for own in (home.path.resolve(), home.keys.resolve()):
        if place == own or own in place.parents:
            raise OfflineInside(path=str(offline))


def _make_all(
    home: Home,
    kek: Kek,
    roots: KeyStore,
    plan: Plan,
    diary: _Diary,
    *,
    now: datetime,
    people: dict[str, Sequence[str]],
    threshold: int,
    is_sample: bool,
) -> CeremonyResult:
    made: list[MadeAuthority] = []
    root_keys: dict[str, StoredKey] = {}
    crls: dict[str, bytes] = {}
    for authority in plan.roots:
        key = root_keys[authority.code] = _root_key(roots, authority, plan.address, now)
        certificate = bytes.fromhex(key.record.attributes["certificate"])
        made.append(MadeAuthority(authority.code, certificate, authority.algorithm, ""))
        crls[authority.code] = make_root_crl(
            certificate, key.signer, plan.address, authority.code, number=1, entries=[], now=now
        )
        diary.note(f"生成根密钥 {authority.code}，自签名证书，签发首个吊销列表")
    store = KeyStore(home.signer / "keys", kek)
    for authority in plan.issuing:
        root = root_keys[authority.parent]
        certificate = bytes.fromhex(root.record.attributes["certificate"])
        made.append(_make_issuing(store, authority, root, certificate, plan.address, now=now))
        diary.note(f"生成 {authority.code} 的密钥，由 {authority.parent} 签发证书")
    _audit_key(store, now)
    receipt_key(home.keys)
    diary.note("生成审计检查点签名密钥")
    for authority in plan.roots:
        roots.load(authority.code)
    diary.note("重新打开根密钥文件，确认可用；根密钥不在安装目录中")
    text = write_protocol(
        title="密钥仪式记录",
        now=now,
        organization=plan.organization,
        people=people,
        threshold=threshold,
        authorities=made,
        steps=diary.steps,
        is_sample=is_sample,
    )
    return CeremonyResult(tuple(made), crls, text)


def _root_key(roots: KeyStore, plan: AuthorityPlan, address: str, now: datetime) -> StoredKey:
    """The root's key with its certificate; made once, found again by a repeated sample ceremony."""
    if plan.code in roots.names():
        return roots.load(plan.code)
    private = unsafe_new_private(plan.algorithm)
    certificate = make_root(plan, signer_from_private(plan.algorithm, private), now=now)
    attributes = key_attributes(plan, ROOT, certificate, address)
    return roots.add(plan.code, plan.algorithm, private, now=now, attributes=attributes)


def _make_issuing(
    store: KeyStore,
    plan: AuthorityPlan,
    root: StoredKey,
    root_certificate: bytes,
    address: str,
    *,
    now: datetime,
) -> MadeAuthority:
    """An issuing CA's key and certificate; kept together, so no key ever lies there without its
    certificate.
    """
    if plan.code in store.names():
        kept = Certificate.parse(bytes.fromhex(store.load(plan.code).record.attributes["certificate"]))
        if root.signer.verify_many([(kept.tbs_der, kept.signature)]) != [True]:
            raise MadeWrong(what=plan.code, finding=N_("现有证书不是由该根签发"))
        return MadeAuthority(plan.code, kept.der, plan.algorithm, plan.parent)
    private = unsafe_new_private(plan.algorithm)
    spki = signer_from_private(plan.algorithm, private).spki_der
    certificate = make_issuing(plan, spki, root.signer, root_certificate, address, now=now)
    attributes = key_attributes(plan, ISSUING, certificate, address)
    store.add(plan.code, plan.algorithm, private, now=now, attributes=attributes)
    return MadeAuthority(plan.code, certificate, plan.algorithm, plan.parent)


def _audit_key(store: KeyStore, now: datetime) -> None:
    if AUDIT_KEY not in store.names():
        store.create(AUDIT_KEY, "SM2", now=now, attributes={"role": AUDIT})


def _open_root(home: Home, kek: Kek, code: str, offline: Path | None, shares: Sequence[str]) -> StoredKey:
    sample = KeyStore(home.keys / "offline", kek)
    if offline is None:
        return sample.load(code)
    try:
        return KeyStore(offline, Kek(combine(shares))).load(code)
    except KeyFileDamaged as error:
        raise SharesRefused(reason=N_("份额不能打开根密钥文件")) from error


def _successor(old: StoredKey) -> AuthorityPlan:
    """The plan of the next generation: same holder, same profiles, the generation in code and name."""
    attributes: dict[str, Any] = old.record.attributes
    found = _GENERATION.fullmatch(old.record.name)
    base, number = (found["base"], int(found["number"] or 1) + 1) if found else (old.record.name, 2)
    name = tuple(
        (attribute, f"{re.sub(r' G[0-9]+$', '', text)} G{number}" if attribute == "CN" else text)
        for attribute, text in Certificate.parse(bytes.fromhex(attributes["certificate"])).subject
    )
    plan = AuthorityPlan(
        f"{base}-g{number}",
        name,
        old.record.algorithm,
        ISSUING_DAYS,
        attributes["parent"],
        tuple(attributes["profiles"]),
    )
    return replace(plan)
