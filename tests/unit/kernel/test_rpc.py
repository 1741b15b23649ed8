"""Our processes talk over a private socket, and an error keeps its meaning on the way."""

import os
import stat
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from banyan.kernel.errors import BanyanError, RemoteError, ServiceUnavailable
from banyan.kernel.home import Home
from banyan.kernel.rpc import Client, serve


class Refused(BanyanError):
    code = "test.refused"
    message = "不能办理 {what}。"


def _refuse() -> None:
    raise Refused(what="这件")


def _crash() -> None:
    raise ValueError("a secret that must not travel")


@pytest.fixture
def client(tmp_path: Path) -> Iterator[Client]:
    path = tmp_path / "s.sock"
    stop = threading.Event()
    handlers = {"echo": lambda value: value, "refuse": _refuse, "crash": _crash, "object": object}
    server = threading.Thread(target=serve, args=(path, handlers), kwargs={"stop": stop})
    server.start()
    while not path.exists():
        stop.wait(0.01)
    with Client(path) as it:
        yield it
    stop.set()
    server.join(5)


def test_values_and_bytes_come_back_unchanged(client: Client) -> None:
    value = {"name": "测试甲", "bytes": b"\x00\xff", "many": [1, None, {"n": b""}]}
    assert client.call("echo", value=value) == value


def test_an_error_keeps_code_message_and_fields(client: Client) -> None:
    with pytest.raises(RemoteError) as caught:
        client.call("refuse")
    assert caught.value.code == "test.refused"
    assert str(caught.value) == "不能办理 这件。"


def test_an_unexpected_error_tells_its_kind_only(client: Client) -> None:
    with pytest.raises(RemoteError) as caught:
        client.call("crash")
    assert caught.value.fields == {"kind": "ValueError"}


def test_what_cannot_be_sent_is_told_and_the_connection_goes_on(client: Client) -> None:
    with pytest.raises(RemoteError) as caught:
        client.call("object")
    assert caught.value.fields == {"kind": "TypeError"}
    assert client.call("echo", value=1) == 1


def test_calls_of_several_threads_do_not_wait_for_each_other(tmp_path: Path) -> None:
    path, stop, both = tmp_path / "s.sock", threading.Event(), threading.Barrier(2)
    server = threading.Thread(
        target=serve, args=(path, {"meet": lambda n: (both.wait(5), n)[1]}), kwargs={"stop": stop}
    )
    server.start()
    while not path.exists():
        stop.wait(0.01)
    with Client(path) as client, ThreadPoolExecutor(2) as pool:
        for _ in range(3):
            assert list(pool.map(lambda n: client.call("meet", n=n), (1, 2))) == [1, 2]
    stop.set()
    server.join(5)


def test_nobody_listening_is_told_plainly(tmp_path: Path) -> None:
    with pytest.raises(ServiceUnavailable, match="没有应答"):
        Client(tmp_path / "none.sock", service="signer").call("ping")


def test_the_socket_is_private(client: Client) -> None:
    mode = os.stat(client._path).st_mode
    assert stat.S_IMODE(mode) == 0o600


def test_a_long_home_still_gets_a_socket(tmp_path: Path) -> None:
    home = Home(tmp_path / ("x" * 120))
    assert len(os.fsencode(home.socket("signer"))) < 108
