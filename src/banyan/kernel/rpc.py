"""Calls between our own processes on one machine: length-prefixed MessagePack over a Unix socket.

The socket is 0600 in a 0700 directory and the peer's user is checked, so only our own processes can speak. MessagePack
carries data only, certificates as the bytes they are: nothing is executed on receipt.
"""

import logging
import os
import socket
import socketserver
import struct
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any

import msgpack

from banyan.kernel.errors import BanyanError, RemoteError, ServiceUnavailable

Handler = Callable[..., Any]
_LENGTH = struct.Struct(">I")
_LARGEST_MESSAGE = 256 * 1024 * 1024


def _pack(value: Any) -> bytes:
    packed: bytes = msgpack.packb(value)
    return packed


def _unpack(data: bytes) -> Any:
    """The message. Raises ValueError for what is none."""
    return msgpack.unpackb(data)


def _read_exactly(stream: socket.socket, size: int) -> bytes:
    parts = bytearray()
    while len(parts) < size:
        part = stream.recv(min(size - len(parts), 1 << 20))
        if not part:
            raise EOFError
        parts += part
    return bytes(parts)


def _receive(stream: socket.socket) -> Any:
    (size,) = _LENGTH.unpack(_read_exactly(stream, _LENGTH.size))
    if size > _LARGEST_MESSAGE:
        raise EOFError
    return _unpack(_read_exactly(stream, size))


def _send(stream: socket.socket, value: Any) -> None:
    _send_packed(stream, _pack(value))


def _send_packed(stream: socket.socket, data: bytes) -> None:
    stream.sendall(_LENGTH.pack(len(data)) + data)


def _peer_is_ours(stream: socket.socket) -> bool:
    raw = stream.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
    _pid, uid, _gid = struct.unpack("3i", raw)
    return uid in (os.getuid(), 0)


def _internal(error: Exception) -> dict[str, Any]:
    """What the caller gets of a fault: its name, never a trace with values in it."""
    text = "内部错误（{kind}）。详情见该进程的日志。"
    return {"error": {"code": "kernel.internal", "message": text, "fields": {"kind": type(error).__name__}}}


class _Connection(socketserver.BaseRequestHandler):
    server: "Server"

    def handle(self) -> None:
        if not _peer_is_ours(self.request):
            return
        while True:
            try:
                message = _receive(self.request)
            except (EOFError, OSError, ValueError):
                return
            try:
                _send_packed(self.request, self.server.packed_answer(message))
            except OSError:
                return


class Server(socketserver.ThreadingUnixStreamServer):
    """Serves named handlers on a socket; one thread a connection."""

    daemon_threads = True
    request_queue_size = 64

    def __init__(self, path: Path, handlers: Mapping[str, Handler]) -> None:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        path.unlink(missing_ok=True)
        previous = os.umask(0o177)
        try:
            super().__init__(str(path), _Connection)
        finally:
            os.umask(previous)
        self.handlers: dict[str, Handler] = {"ping": lambda: {"pid": os.getpid()}, **handlers}

    def packed_answer(self, message: Any) -> bytes:
        """The answer ready to be sent; one that cannot be is an error of ours like any other."""
        reply = self.answer(message)
        try:
            return _pack(reply)
        except Exception as error:
            self.log(error)
            return _pack(_internal(error))

    def answer(self, message: Any) -> dict[str, Any]:
        try:
            handler = self.handlers[message["method"]]
            return {"result": handler(**message.get("params", {}))}
        except BanyanError as error:
            return {"error": {"code": error.code, "message": error.template, "fields": error.fields}}
        except Exception as error:
            self.log(error)
            return _internal(error)

    def log(self, error: Exception) -> None:
        """Tell the process's own log; overridden where a log exists."""
        logging.getLogger("banyan.rpc").error("call failed", exc_info=error)


def serve(path: Path, handlers: Mapping[str, Handler], *, stop: threading.Event | None = None) -> None:
    """Serve until ``stop`` is set (or for ever)."""
    with Server(path, handlers) as server:
        if stop is not None:
            threading.Thread(target=_stop_when, args=(stop, server), daemon=True).start()
        server.serve_forever(poll_interval=0.2)


def _stop_when(stop: threading.Event, server: Server) -> None:
    stop.wait()
    server.shutdown()


class Client:
    """Connections to a serving process, one a call under way; opened when needed and again after a break. Safe for
    threads, which do not wait for each other.
    """

    def __init__(self, path: Path, *, service: str = "", timeout: float | None = 60.0) -> None:
        self._path = path
        self._service = service or path.stem
        self._timeout = timeout
        self._idle: list[socket.socket] = []

    def call(self, method: str, **params: Any) -> Any:
        """Call ``method`` there and return its result.

        Raises RemoteError for an error of the far side and ServiceUnavailable when nobody answers. A broken
        connection is not retried here: the caller knows whether its call may be repeated.
        """
        try:
            reply = self._exchange({"method": method, "params": params})
        except (OSError, EOFError, ValueError) as error:
            self.close()
            raise ServiceUnavailable(service=self._service) from error
        if "error" in reply:
            error_fields = reply["error"]
            raise RemoteError(error_fields["code"], error_fields["message"], error_fields["fields"])
        return reply["result"]

    def _exchange(self, message: Any) -> Any:
        stream = self._free()
        try:
            _send(stream, message)
            reply = _receive(stream)
        except BaseException:
            stream.close()
            raise
        self._idle.append(stream)
        return reply

    def _free(self) -> socket.socket:
        try:
            return self._idle.pop()
        except IndexError:
            return self._connect()

    def _connect(self) -> socket.socket:
        stream = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        stream.settimeout(self._timeout)
        try:
            stream.connect(str(self._path))
        except OSError:
            stream.close()
            raise
        return stream

    def close(self) -> None:
        """Close the connections that nobody uses."""
        while self._idle:
            self._idle.pop().close()

    def __enter__(self) -> "Client":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
