"""Named moments at which a process may die, so that tests can make it die exactly there.

``BANYAN_STOP_AT=signer.before_commit`` ends the process, as ``kill -9`` would, when it passes that moment;
``…:3`` at the third passing. Whoever can set the environment of a key-holding process can stop it anyway.
"""

import os
import signal

BOUNDARIES = (
    "signer.before_signing",
    "signer.before_commit",
    "signer.after_commit",
    "kmc.before_commit",
    "kmc.after_commit",
)

_wanted, _, _count = os.environ.get("BANYAN_STOP_AT", "").partition(":")
_left = int(_count or 1)


def passing(boundary: str) -> None:
    """Say that the process passes ``boundary``."""
    global _left
    if _wanted != boundary:
        return
    _left -= 1
    if _left <= 0:
        os.kill(os.getpid(), signal.SIGKILL)
