"""A token served by another process, used as if it were here."""

import contextlib
from dataclasses import fields
from pathlib import Path
from types import TracebackType
from typing import Any

from banyan.kernel.errors import RemoteError, ServiceUnavailable
from banyan.kernel.rpc import Client
from banyan_token.skf.token import ContainerInfo, TokenInfo


class TokenClient:
    """The methods of ``Token`` over the socket of ``python -m banyan_token.serve``.

    Each client is a session of its own: its log-in is not shared. Errors arrive as RemoteError with the same
    codes (``token.pin_incorrect`` …), messages and fields. After the process was killed and started again the
    session is new and not logged in.
    """

    def __init__(self, socket: Path, *, timeout: float | None = 60.0) -> None:
        self._rpc = Client(socket, service="banyan_token", timeout=timeout)
        self._session = ""

    def __repr__(self) -> str:
        return "<TokenClient>"

    def __enter__(self) -> "TokenClient":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End the session (logs out) and the connection; a process that is gone has forgotten it already."""
        if self._session:
            with contextlib.suppress(ServiceUnavailable, RemoteError):
                self._rpc.call("close_session", session=self._session)
            self._session = ""
        self._rpc.close()

    @property
    def serial(self) -> str:
        return self.info().serial

    def verify_pin(self, pin: str) -> None:
        self._call("verify_pin", pin=pin)

    def change_pin(self, old_pin: str, new_pin: str) -> None:
        self._call("change_pin", old_pin=old_pin, new_pin=new_pin)

    def change_admin_pin(self, old_pin: str, new_pin: str) -> None:
        self._call("change_admin_pin", old_pin=old_pin, new_pin=new_pin)

    def unlock_with_admin_pin(self, admin_pin: str, new_pin: str, *, must_change_pin: bool = True) -> None:
        self._call("unlock_with_admin_pin", admin_pin=admin_pin, new_pin=new_pin, must_change_pin=must_change_pin)

    def unlock_challenge(self) -> str:
        return str(self._call("unlock_challenge"))

    def answer_challenge(self, response: str) -> None:
        self._call("answer_challenge", response=response)

    def logout(self) -> None:
        self._call("logout")

    def generate_signing_key(self, container: str) -> bytes:
        return bytes(self._call("generate_signing_key", container=container))

    def certification_request(self, container: str, subject_der: bytes) -> bytes:
        return bytes(self._call("certification_request", container=container, subject_der=subject_der))

    def import_key_envelope(
        self, container: str, envelope_der: bytes, *, signing_container: str | None = None
    ) -> bytes:
        return bytes(
            self._call(
                "import_key_envelope",
                container=container,
                envelope_der=envelope_der,
                signing_container=signing_container,
            )
        )

    def import_certificate(self, container: str, certificate_der: bytes, signing: bool) -> None:
        self._call("import_certificate", container=container, certificate_der=certificate_der, signing=signing)

    def delete_container(self, container: str) -> None:
        self._call("delete_container", container=container)

    def sign(self, container: str, data: bytes) -> bytes:
        return bytes(self._call("sign", container=container, data=data))

    def decrypt(self, container: str | None, ciphertext: bytes) -> bytes:
        return bytes(self._call("decrypt", container=container, ciphertext=ciphertext))

    def prove_container(self, container: str, nonce: bytes) -> bytes:
        signature: bytes = self._call("prove_container", container=container, nonce=nonce)
        return signature

    def check_container(self, container: str) -> None:
        self._call("check_container", container=container)

    def containers(self) -> list[ContainerInfo]:
        return [ContainerInfo(**one) for one in self._call("containers")]

    def info(self) -> TokenInfo:
        found = self._call("info")
        return TokenInfo(**{one.name: found[one.name] for one in fields(TokenInfo)})

    def _call(self, method: str, **params: Any) -> Any:
        if not self._session:
            self._session = str(self._rpc.call("open_session"))
        try:
            return self._rpc.call(method, session=self._session, **params)
        except RemoteError as error:
            if error.code == "token.session_unknown":
                self._session = ""
            raise
