"""What an installer brings beside the program: the user's service, and the root among the browsers' trusted ones."""

import os
import shutil
import socket
import subprocess
from pathlib import Path

import pytest

from support.agent import Agent, SocketPage, running
from support.skf import NATIVE

DESKTOP = NATIVE / "agent" / "desktop"
NAME = "Banyan agent on this machine"


def trust(agent: Agent, home: Path, *options: str) -> subprocess.CompletedProcess[str]:
    command = [DESKTOP / "banyan-agent-trust", *options, agent.place / "state"]
    return subprocess.run(command, env=os.environ | {"HOME": str(home)}, capture_output=True, text=True)


def trusted(home: Path, *more: str) -> str:
    command = ["certutil", "-L", "-d", f"sql:{home}/.pki/nssdb", *more]
    return subprocess.run(command, capture_output=True, text=True).stdout


@pytest.mark.skipif(shutil.which("certutil") is None, reason="no certutil here")
def test_the_root_is_trusted_replaced_when_it_was_made_anew_and_forgotten(agent: Agent, tmp_path: Path) -> None:
    assert trust(agent, tmp_path).returncode == 0
    first = trusted(tmp_path, "-n", NAME, "-a")
    assert "C,," in trusted(tmp_path)
    with running() as other:
        assert trust(other, tmp_path).returncode == 0
        assert trusted(tmp_path).count(NAME) == 1
        assert trusted(tmp_path, "-n", NAME, "-a") != first
    assert trust(agent, tmp_path, "--remove").returncode == 0
    assert NAME not in trusted(tmp_path)


def test_without_a_root_the_way_on_is_told(agent: Agent, tmp_path: Path) -> None:
    command = [DESKTOP / "banyan-agent-trust", tmp_path]
    done = subprocess.run(command, env=os.environ | {"HOME": str(tmp_path)}, capture_output=True, text=True)
    assert done.returncode == 1
    assert "start banyan-agent once" in done.stderr


@pytest.mark.parametrize("is_abstract", [False, True])
def test_the_service_manager_is_told_when_pages_can_connect(tmp_path: Path, is_abstract: bool) -> None:
    name = f"@banyan-{tmp_path.name}-{os.getpid()}" if is_abstract else str(tmp_path / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(name.replace("@", "\0", 1))
        manager.settimeout(20)
        with running(NOTIFY_SOCKET=name) as agent:
            assert manager.recv(100) == b"READY=1"
            SocketPage(agent).ask("list")
            for pid in agent.pids()[1:]:
                assert b"NOTIFY_SOCKET" not in Path(f"/proc/{pid}/environ").read_bytes()


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="no systemd here")
def test_the_unit_is_one_that_systemd_takes(tmp_path: Path) -> None:
    """Its programs stand where the installer puts them, so here under another name."""
    unit = tmp_path / "banyan-agent.service"
    unit.write_text((DESKTOP / "banyan-agent.service").read_text().replace("/usr/bin/banyan-agent", "/bin/true "))
    done = subprocess.run(["systemd-analyze", "verify", "--user", unit], capture_output=True, text=True)
    assert "banyan-agent.service" not in done.stderr, done.stderr
