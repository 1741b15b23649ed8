"""A piece of equipment that knows no SM2, for the demo: its P-256 key is made here and is gone when the demo ends."""

from collections.abc import Sequence

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from banyan.cli import opening, sample
from banyan.cli.main_job import Advance, People, decide, deliver, passed, wait_for_certificates
from banyan.domain.inventory.errors import InventoryError
from banyan.domain.inventory.stocking import TokenEntry, receive_tokens
from banyan.domain.ra import access as requests
from banyan.domain.ra import actions as ra
from banyan.domain.ra.values import IssueOrder
from banyan.kernel import clock
from banyan.pki import csr_building

_MEDIUM, _SERIAL = "SERVER_HSM", "HSM-DEMO-0001"


def certify(people: People, advance: Advance) -> Sequence[int]:
    """Carry one application for equipment to its certificate: its own PKCS#10 goes in, its signature proves the key."""
    application = sample.classic_device()
    request = opening.open_request(people.clerk, application, clock.now())
    ids = [request.pk]
    entries = [TokenEntry(_SERIAL)]
    for outcome in receive_tokens(
        people.clerk, entries, medium=_MEDIUM, region_code=request.region_code, batch=_MEDIUM, now=clock.now()
    ):
        if isinstance(outcome, InventoryError):
            raise outcome
    decide(people, ids)
    key = ec.generate_private_key(ec.SECP256R1())

    def sign(message: bytes) -> bytes:
        return key.sign(message, ec.ECDSA(hashes.SHA256()))

    public = key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    csr = csr_building.build(bytes(request.subject_der), public, sign)
    passed("签发", ra.issue_many(people.clerk, [IssueOrder(request.pk, csr, _SERIAL, "")], clock.now()))
    wait_for_certificates(people.clerk, ids, advance)
    issued = requests.request(people.clerk, request.pk)
    ra.personalize(people.clerk, request.pk, clock.now(), signature=sign(ra.personalization_nonce(issued)))
    deliver(people, ids)
    return ids
