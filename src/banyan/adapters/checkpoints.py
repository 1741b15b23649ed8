"""Having audit checkpoints signed by the signer process."""

from collections.abc import Callable

from banyan.kernel.home import Home
from banyan.kernel.rpc import Client


def signing(home: Home) -> Callable[[bytes], tuple[bytes, bytes]]:
    """The signer's checkpoint signature: payload to (DER signature, public key). Raises ServiceUnavailable."""

    def sign(payload: bytes) -> tuple[bytes, bytes]:
        with Client(home.socket("signer"), service="signer") as client:
            answer = client.call("sign_checkpoint", payload=payload)
        return answer["signature"], answer["public_key"]

    return sign
