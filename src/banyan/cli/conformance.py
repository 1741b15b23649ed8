"""What stands behind ``banyan token conformance``: the run, in a device given or in one made for it."""

import dataclasses
import os
import secrets
import tempfile
from pathlib import Path

import click

from banyan.cli import shown
from banyan.kernel.errors import N_
from banyan_token.skf.conformance import Conformance, Step
from banyan_token.skf.interface import Library, LibraryUnusable

_SERIAL = "CONFORMANCE"
NOT_CONFORMING = 3


def run(library: Path, device: str | None, auth_key: bytes | None, application: str, as_json: bool) -> None:
    """Print every step; exit code 3 when one failed."""
    if device is not None and auth_key is not None:
        steps = Conformance(Library(library), device=device, auth_key=auth_key, application=application).run()
    else:
        steps = _in_a_device_of_its_own(library, application)
    if as_json:
        shown.show_rows([dataclasses.asdict(step) for step in steps], (), as_json=True)
    else:
        _print(steps)
    if not all(step.is_passed for step in steps):
        raise click.exceptions.Exit(NOT_CONFORMING)


def _in_a_device_of_its_own(library: Path, application: str) -> list[Step]:
    """Our own library needs no device: one is made in a temporary place."""
    with tempfile.TemporaryDirectory(prefix="banyan-skf-") as place:
        os.environ["BANYAN_SKF_ROOT"] = f"{place}/tokens"  # before the library is loaded
        os.environ.pop("BANYAN_SKF_MACHINE_SECRET", None)
        loaded = Library(library)
        if not loaded.has("BYT_CreateDevice"):
            raise LibraryUnusable(library=str(library), reason="--device, --auth-key")
        auth_key = secrets.token_bytes(16)
        loaded.call("BYT_CreateDevice", _SERIAL.encode(), b"", auth_key, 0)
        return Conformance(loaded, device=_SERIAL, auth_key=auth_key, application=application).run()


def _print(steps: list[Step]) -> None:
    for step in steps:
        mark = "ok  " if step.is_passed else "FAIL"
        click.echo(f"{mark} {step.function}: {step.case}: {' | '.join(step.expected)} -> {step.actual}")
    failed = sum(not step.is_passed for step in steps)
    functions = len({step.function for step in steps})
    shown.say(
        N_("{functions} 个函数，{steps} 步，{failed} 步不符。"), functions=functions, steps=len(steps), failed=failed
    )
