"""Every engine that this machine has, the raw ipp engine without its routing, and the lanes with a stand-in library."""

import hashlib
import importlib.util
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from banyan import gm
from banyan.gm import selection
from banyan.gm.engine import Engine

BUILD = Path(__file__).parents[3] / "native" / "gm"
STAND_IN = Path(__file__).with_name("lanes_stand_in.c")


@pytest.fixture(params=["openssl", "ipp"])
def engine_in_use(request: pytest.FixtureRequest) -> Iterator[str]:
    """Runs the test once with each engine; the one in use before is put back."""
    if request.param not in gm.engines():
        pytest.skip(f"the {request.param} engine is not built here or not for this processor")
    before = gm.engine_name()
    gm.use(request.param)
    yield request.param
    gm.use(before)


@pytest.fixture(scope="session")
def reference() -> Engine:
    return selection.engine("openssl")


def _raw_ipp() -> Engine:
    module = pytest.importorskip("banyan.gm._ipp", reason="the ipp engine is not built here")
    return Engine("ipp", module)


def _stand_in() -> Engine:
    """The lanes linked with the stand-in; built once for each state of the sources, beside the environment."""
    sys.path.insert(0, str(BUILD))
    try:
        import build
    finally:
        sys.path.remove(str(BUILD))
    reason = build.why_no_ipp()
    if reason is not None:
        pytest.skip(f"the lanes cannot be built: {reason}")
    sources = b"".join(file.read_bytes() for file in sorted([*BUILD.glob("*.[ch]"), BUILD / "build.py", STAND_IN]))
    place = Path(sys.prefix) / "var" / f"gm-stand-in-{hashlib.sha256(sources).hexdigest()[:16]}"
    built = place / "_ipp_stand_in.abi3.so"
    if not built.exists():
        place.mkdir(parents=True, exist_ok=True)
        built = build.compile_into(build.ipp_builder("_ipp_stand_in", STAND_IN), place)
    spec = importlib.util.spec_from_file_location("_ipp_stand_in", built)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return Engine("stand-in", module)


@pytest.fixture(scope="session")
def lanes() -> Engine:
    """The multi-buffer tier: Intel's library where the processor has it, else the strict stand-in."""
    if "ipp" in gm.engines() and gm.engine_tier("ipp") == "multi-buffer":
        return _raw_ipp()
    return _stand_in()


@pytest.fixture(scope="session", params=["openssl", "ipp", "lanes"])
def engine(request: pytest.FixtureRequest) -> Engine:
    """Each way of computing, without routing: libcrypto, libippcp, and the lanes."""
    if request.param == "openssl":
        return selection.engine("openssl")
    if request.param == "ipp":
        return _raw_ipp()
    found: Engine = request.getfixturevalue("lanes")
    return found
