"""A token agent of one's own: started for a program of this machine, ended with it."""

import contextlib
import json
import os
import secrets
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from base64 import b64encode
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final, Self

from banyan.kernel.parent import end_with_parent
from banyan_token import errors
from banyan_token.agent.client import AgentClient
from banyan_token.agent.window import Window
from banyan_token.skf.interface import own_library
from banyan_token.skf.profiles import LibraryNotNamed, load_profiles

_PATIENCE: Final = 10.0
_TIME_LIMIT: Final = 60.0
_TRIES: Final = 20


def agent_program() -> Path:
    """Where the agent lies: beside our library, as ``make setup`` built it."""
    return own_library().with_name("banyan-agent")


class LocalAgent:
    """An agent with its key in ``state`` (made at the first start), for one origin; other pages do not reach it.

    ``environment`` tells its libraries where they are; ``task_key`` (SubjectPublicKeyInfo) is the platform's.
    """

    def __init__(
        self,
        state: Path,
        *,
        origin: str,
        task_keys: Sequence[bytes] = (),
        environment: Mapping[str, str] | None = None,
        profiles: Path | None = None,
    ) -> None:
        """``profiles``: a directory of vendors' profiles that go before ours. Raises AgentGone when it does not come up."""
        self._origin, self.state, self._profiles = origin, state, profiles
        state.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._place = Path(tempfile.mkdtemp(prefix="banyan-agent-"))
        self.log = state / "agent.log"
        self.process: subprocess.Popen[bytes] | None = None
        try:
            self._write_window()
            self._start(list(task_keys), dict(os.environ) | dict(environment or {}))
            self.window = Window(self._place / "window.sock")  # a thread: not before the fork
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def client(self) -> AgentClient:
        """A session of one's own."""
        return AgentClient(self._port, origin=self._origin, root=self.state / "root.pem", log=self.log)

    def close(self) -> None:
        """End the agent."""
        self._end()
        if hasattr(self, "window"):
            self.window.close()
        shutil.rmtree(self._place, ignore_errors=True)

    def _end(self) -> None:
        if self.process is None:
            return
        self.process.terminate()
        try:
            self.process.wait(_PATIENCE)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def _write_window(self) -> None:
        script = self._place / "window"
        command = [sys.executable, "-m", "banyan_token.agent.pinentry", str(self._place / "window.sock")]
        script.write_text(f"#!/bin/sh\nexec {shlex.join(command)}\n")
        script.chmod(0o700)

    def _start(self, task_keys: list[bytes], environment: dict[str, str]) -> None:
        (self._place / "profiles.json").write_text(json.dumps(agent_profiles(self._profiles)))
        for _ in range(_TRIES):
            self._port = 20000 + secrets.randbelow(12000)  # below those that outgoing connections get
            if self._came_up(task_keys, environment):
                return
        raise errors.AgentGone(log=str(self.log))

    def _came_up(self, task_keys: list[bytes], environment: dict[str, str]) -> bool:
        """Whether it serves; a port that somebody else has just taken is no reason to give up."""
        settings = {
            "port": self._port, "origins": [agent_origin(self._origin, task_keys)], "pinentry": str(self._place / "window"),
            "state": str(self.state),
        }  # fmt: skip
        place = self._place / "agent.json"
        place.write_text(json.dumps(settings))
        parent = os.getpid()
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [str(agent_program()), "--settings", str(place)], env=environment, stdin=subprocess.DEVNULL, stdout=log,
                stderr=log, start_new_session=True, preexec_fn=lambda: end_with_parent(signal.SIGKILL, parent),
            )  # fmt: skip
        until = time.monotonic() + _PATIENCE
        while self.process.poll() is None and time.monotonic() < until:
            with contextlib.suppress(errors.AgentGone, errors.AgentRefused), self.client():
                return True  # ours: it showed a certificate of our root
            time.sleep(0.002)
        self._end()
        return False


def agent_origin(origin: str, task_keys: Sequence[bytes]) -> dict[str, Any]:
    """A page's origin and the platform's keys (SubjectPublicKeyInfo) as the agent's settings name them."""
    return {"origin": origin, "task_keys": [b64encode(one).decode() for one in task_keys]}


def agent_profiles(own: Path | None = None) -> dict[str, Any]:
    """The vendors' profiles as the agent reads them, those in the directory ``own`` before ours; vendors whose library is
    named nowhere are left out.
    """
    told = {}
    for key, one in load_profiles(own).items():
        with contextlib.suppress(LibraryNotNamed):
            told[key] = {
                "name": one.name, "application": one.application, "key_field": one.key_field.value,
                "auth_key": one.auth_key.hex(), "time_limit_seconds": one.time_limit_seconds or _TIME_LIMIT,
                "unblocks_remotely": one.unblocks_remotely, "library": {"linux": str(one.library())},
            }  # fmt: skip
    return told
