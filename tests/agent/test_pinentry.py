"""The window with a real pinentry program, in a terminal of its own."""

import os
import pty
import re
import shutil
import threading
from collections.abc import Iterator

import pytest

from banyan import gm
from support.agent import PROFILE, Agent, SocketPage, finished, make_token, octets_of, running
from support.skf import USER_PIN

PROGRAM = shutil.which("pinentry-tty")


class Terminal:
    """Somebody who turns each page and types the PIN when asked for it."""

    def __init__(self) -> None:
        self._master, self._slave = pty.openpty()
        self.name = os.ttyname(self._slave)
        self.seen = b""
        self._sitting = threading.Thread(target=self._sit)
        self._sitting.start()

    def close(self) -> None:
        os.close(self._slave)  # which ends the reading
        self._sitting.join()
        os.close(self._master)

    def _sit(self) -> None:
        asked = 0
        while True:
            try:
                self.seen += os.read(self._master, 4096)
            except OSError:
                return
            new = self.seen[asked:]
            if new.endswith((b"[oc]? ", b"PIN: ")):
                asked = len(self.seen)
                os.write(self._master, f"{USER_PIN}\n".encode() if new.endswith(b"PIN: ") else b"o")


@pytest.fixture
def terminal() -> Iterator[Terminal]:
    opened = Terminal()
    yield opened
    opened.close()


def test_the_longest_text_is_shown_whole_and_signed(terminal: Terminal) -> None:
    if PROGRAM is None:
        pytest.skip("no pinentry-tty here")
    with running() as agent:
        serial, page = make_token(), SocketPage(agent)
        point, _pair = finished(page, serial)
        restart_with(agent, PROGRAM, terminal)
        page = SocketPage(agent)
        text = "".join(chr(0x4E00 + number) for number in range(2000))
        at = {"profile": PROFILE, "serial": serial, "container": "k1", "kind": "text"}
        answer = page.ask("sign", text=text, **at)
        gm.sm2.verify(point, text.encode(), octets_of(answer["signature"]))
        shown = re.sub(r"（第 \d+ 页，共 \d+ 页）|\[oc\]\?|[^\u4e00-\u9fff]", "", terminal.seen.decode())
        assert "签名以下全部文字" in shown
        assert page.origin in terminal.seen.decode()
        assert all(character in shown for character in text)


def restart_with(agent: Agent, program: str, terminal: Terminal) -> None:
    assert agent.process is not None
    agent.process.terminate()
    agent.process.wait(10)
    (agent.place / "window").write_text(f"#!/bin/sh\nexec {program}\n")
    agent.start(GPG_TTY=terminal.name)
