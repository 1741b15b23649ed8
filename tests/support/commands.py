"""Running the command as a person would: a process of its own, an environment of its own."""

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from banyan.kernel.home import Home

_OURS = "BANYAN_"


def environment(home: Home, more: Mapping[str, str] | None = None) -> dict[str, str]:
    """The environment of a person who has set nothing but the place of the installation."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(_OURS)}
    kept |= {"BANYAN_HOME": str(home.path), "BANYAN_SESSION": str(home.path.parent / "session")}
    return kept | dict(more or {})


def banyan(
    home: Home, *arguments: str | Path, more: Mapping[str, str] | None = None, stdin: str = "", timeout: float = 120
) -> "subprocess.CompletedProcess[str]":
    """``banyan …`` to its end; the caller looks at the exit code."""
    return subprocess.run(
        [sys.executable, "-m", "banyan", *map(str, arguments)],
        env=environment(home, more), input=stdin, capture_output=True, text=True, timeout=timeout,
    )  # fmt: skip
