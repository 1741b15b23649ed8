"""What must hold between the signer's journal, the superior CA, the database, KMC and the tokens after any faults."""

import json
import sqlite3
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

Finding = str
_PIN = "73910482"


def judge(place: str, expected: int, thorough: bool = False) -> None:
    """Write to ``place`` what is wrong (nothing, it is to be hoped) and the figures; signer and KMC must run.

    ``expected``: how many requests must have been carried to their end, each with one pair in one token.
    ``thorough``: walk the audit, and have every token sign and decrypt with what it holds.
    """
    from banyan.kernel.home import Home

    home = Home.from_environment()
    wrong: list[Finding] = []
    figures = _certificates(home, wrong, expected)
    wrong += _requests(expected)
    if thorough:
        wrong += _audit(home)
        wrong += _tokens_work(home)
    Path(place).write_text(json.dumps({"wrong": wrong, "figures": figures}, ensure_ascii=False), encoding="utf-8")


def judge_life(place: str, lives: int) -> None:
    """As ``judge``, after lives (``support.life``) with revocations, imports and a restore each."""
    from banyan.domain.ca.models import Certificate, CertificatePair, Issuance
    from banyan.domain.inventory.models import PersonalizationTask, TaskState
    from banyan.domain.ra.models import ServiceRequest
    from banyan.kernel.home import Home

    home = Home.from_environment()
    wrong: list[Finding] = []
    signed, own_pairs = _journal(home, wrong)
    signed += _superior(home)
    pairs = CertificatePair.objects.unscoped("the judge sees all")
    own = Counter(Certificate.objects.filter(pair__origin="OWN").values_list("serial", flat=True))
    foreign = pairs.filter(origin="FOREIGN").count()
    wrong += [f"{name} more than once: {one}" for name, found in (("signed", signed), ("recorded", own))
              for one, count in found.items() if count > 1]  # fmt: skip
    wrong += [f"signed, not recorded: {serial}" for serial in signed - own]
    wrong += [f"recorded, never signed: {serial}" for serial in own - signed]
    if foreign != 3 * lives:
        wrong.append(f"{foreign} pairs imported in {lives} lives")
    replayed = pairs.filter(origin="OWN", issuance__isnull=True)
    if replayed.count() != lives:
        wrong.append(f"{replayed.count()} pairs replayed in {lives} lives")
    tasks = PersonalizationTask.objects.unscoped("the judge sees all")
    in_tokens = _in_tokens(home)
    done = set(tasks.filter(state=TaskState.VERIFIED).values_list("issuance_id", flat=True))
    for pair in pairs.filter(origin="OWN"):
        serials = set(Certificate.objects.filter(pair=pair).values_list("serial", flat=True))
        is_held = bool(serials) and serials <= set(in_tokens)
        if pair.issuance_id is None or pair.issuance_id in done:
            if not is_held:
                wrong.append(f"pair {pair.pk} is in no token")
        elif pair.state != "REVOKED":
            wrong.append(f"pair {pair.pk} is in force and nothing accounts for it")
    wrong += [f"in tokens, not recorded: {serial}" for serial in set(in_tokens) - set(own)]
    wrong += [f"task {one.pk} is {one.state}" for one in tasks.exclude(state__in=(TaskState.VERIFIED, TaskState.VOID))]
    wrong += [f"issuance {one.pk} is {one.state}" for one in Issuance.objects.filter(state__in=("INTENT", "SUBMITTED"))]
    states = Counter(ServiceRequest.objects.unscoped("the judge sees all").values_list("state", flat=True))
    if states != {"DONE": 15 * lives, "CANCELLED": 3 * lives}:
        wrong.append(f"requests: {dict(states)} after {lives} lives")
    keys = _kmc_keys(home)
    if keys != own_pairs:
        wrong.append(f"{keys} keys in escrow for {own_pairs} pairs of our own")
    wrong += _audit(home)
    figures = {"certificates": sum(own.values()), "own_pairs": own_pairs, "foreign": foreign}
    Path(place).write_text(json.dumps({"wrong": wrong, "figures": figures}, ensure_ascii=False), encoding="utf-8")


def _certificates(home: Any, wrong: list[Finding], expected: int) -> dict[str, int]:
    """Signed = recorded = accounted for, each once."""
    from banyan.domain.ca.models import Certificate, CertificatePair, Issuance

    signed, own_pairs = _journal(home, wrong)
    signed += _superior(home)
    recorded = Counter(Certificate.objects.values_list("serial", flat=True))
    accounted = _accounted()
    for name, found in (("signed", signed), ("recorded", recorded), ("accounted for", accounted)):
        twice = [serial for serial, count in found.items() if count > 1]
        wrong += [f"{name} more than once: {serial}" for serial in twice]
    wrong += [f"signed, not recorded: {serial}" for serial in signed - recorded]
    wrong += [f"recorded, never signed: {serial}" for serial in recorded - signed]
    wrong += [f"recorded, in no token nor open task: {serial}" for serial in recorded - accounted]
    wrong += [f"in a token, not recorded: {serial}" for serial in accounted - recorded]
    wrong += [f"in a token twice or without a task: {serial}" for serial in _in_tokens(home) - accounted]
    unfinished = Issuance.objects.exclude(state="ISSUED").count()
    if unfinished:
        wrong.append(f"{unfinished} issuances not finished")
    pairs = CertificatePair.objects.unscoped("the judge sees all").count()
    if pairs != expected:
        wrong.append(f"{pairs} pairs for {expected} requests")
    keys = _kmc_keys(home)
    if keys != own_pairs:
        wrong.append(f"{keys} keys in escrow for {own_pairs} pairs of our own")
    return {"certificates": len(recorded), "pairs": pairs, "own_pairs": own_pairs}


def _journal(home: Any, wrong: list[Finding]) -> tuple[Counter[str], int]:
    from banyan.kernel.rpc import Client
    from banyan.pki.certificate import Certificate

    serials: Counter[str] = Counter()
    issuances: Counter[int] = Counter()
    pairs = 0
    with Client(home.socket("signer")) as client:
        client.call("verify_journal")
        after = 0
        while entries := client.call("journal", after=after, limit=500):
            after = entries[-1]["sequence"]
            for entry in entries:
                issuances[entry["issuance"]] += 1
                ders = [entry["signing_certificate"], entry["encryption_certificate"]]
                serials.update(Certificate.parse(der).serial_hex for der in ders if der)
                pairs += ders[1] is not None
    wrong += [f"completed {count} times: issuance {one}" for one, count in issuances.items() if count > 1]
    return serials, pairs


def _superior(home: Any) -> Counter[str]:
    place = home.path / "superior" / "simulator.sqlite3"
    if not place.exists():
        return Counter()
    with sqlite3.connect(f"file:{place}?mode=ro", uri=True) as database:
        return Counter(serial for (serial,) in database.execute("SELECT serial FROM certificates"))


def _kmc_keys(home: Any) -> int:
    from banyan.kernel.rpc import Client

    with Client(home.socket("kmc")) as client:
        status = client.call("status")
    return int(status["in_use"]) + int(status["history"])


def _accounted() -> Counter[str]:
    """Serials of pairs that a verified task (a token) or an open one with its envelope accounts for."""
    from banyan.domain.ca.models import Certificate
    from banyan.domain.inventory.models import PersonalizationTask, TaskState

    tasks = PersonalizationTask.objects.unscoped("the judge sees all").exclude(state=TaskState.VOID)
    held = {one.issuance_id for one in tasks if one.state == TaskState.VERIFIED or one.envelope is not None}
    held |= {one.issuance_id for one in tasks if _is_single(one.issuance_id)}
    return Counter(Certificate.objects.filter(pair__issuance_id__in=held).values_list("serial", flat=True))


def _is_single(issuance: int) -> bool:
    from banyan.domain.ca.models import Issuance

    return bool(Issuance.objects.get(pk=issuance).profile.startswith("p256"))


def _in_tokens(home: Any) -> Counter[str]:
    """Serials of the certificates that tokens hold."""
    from banyan.cli.soft_tokens import drawer
    from banyan.pki.certificate import Certificate

    box = drawer(home)
    found: Counter[str] = Counter()
    for serial in box.serials():
        for one in box.open(serial).containers():
            ders = (one.signing_certificate, one.encryption_certificate)
            found.update(Certificate.parse(der).serial_hex for der in ders if der is not None)
    return found


def _requests(expected: int) -> Iterable[Finding]:
    from banyan.domain.ra.models import ServiceRequest

    requests = list(ServiceRequest.objects.unscoped("the judge sees all"))
    if len(requests) != expected:
        yield f"{len(requests)} requests, {expected} expected"
    for one in requests:
        if one.state != "DONE":
            yield f"{one.number} is {one.state} at {one.step}"
        if one.issued_pair_id is None:
            yield f"{one.number} has no pair"
    pairs = Counter(one.issued_pair_id for one in requests)
    yield from (f"pair {pair} belongs to {count} requests" for pair, count in pairs.items() if count > 1)


def _audit(home: Any) -> list[Finding]:
    from banyan import sealing
    from banyan.domain.audit import checkpoints, verifying

    report = verifying.verify(sealing.keyring(home), checkpoints.read(home), processes=1)
    return [f"audit: {one.kind} {one.where} {one.note}" for one in report.findings]


def _tokens_work(home: Any) -> Iterable[Finding]:
    """Each token signs and decrypts with the keys its certificates name."""
    from banyan.cli.soft_tokens import drawer
    from banyan.domain.inventory.actions import open_admin_pin_for_unlock
    from banyan.domain.inventory.models import PersonalizationTask
    from banyan.kernel import clock
    from banyan.kernel.actor import Actor

    actor = Actor("system", 0, "judge", rights=frozenset({"tokens.unlock", "tokens.read"}), regions=None)
    tasks = PersonalizationTask.objects.unscoped("the judge sees all").select_related("token")
    for task in tasks:
        admin_pin = open_admin_pin_for_unlock(actor, task.token_id, now=clock.now())
        with drawer(home).open(task.token.serial) as token:
            token.unlock_with_admin_pin(admin_pin, _PIN, must_change_pin=False)
            token.verify_pin(_PIN)
            token.check_container(task.container)
            (held,) = [one for one in token.containers() if one.name == task.container]
            if held.signing_certificate is None:
                yield f"{task.token.serial}: no certificate in {task.container}"
