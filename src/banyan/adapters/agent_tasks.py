"""Having tasks for token agents signed by the signer process."""

from banyan.domain.inventory.sealed_tasks import Sign
from banyan.kernel.home import Home
from banyan.kernel.rpc import Client
from banyan.pki.public_key import sm2_spki


def signing(home: Home) -> Sign:
    """The signer's signature (DER) of a task. Raises ServiceUnavailable."""

    def sign(payload: bytes) -> bytes:
        return _ask(home, payload)["signature"]

    return sign


def task_key(home: Home) -> bytes:
    """The key by which agents know our tasks (SubjectPublicKeyInfo). Raises ServiceUnavailable."""
    return sm2_spki(_ask(home, b"")["public_key"])


def _ask(home: Home, payload: bytes) -> dict[str, bytes]:
    with Client(home.socket("signer"), service="signer") as client:
        answer: dict[str, bytes] = client.call("sign_task", payload=payload)
    return answer
