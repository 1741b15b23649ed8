"""Which engine works: found once, tested by known answers before its first use, switchable."""

import os
import threading
from importlib import import_module
from types import ModuleType

from banyan.gm import errors
from banyan.gm.engine import Engine
from banyan.gm.routing import RoutedEngine

# In order of preference; the last one is the baseline and the reference.
_MODULES = {"ipp": "banyan.gm._ipp", "openssl": "banyan.gm._openssl"}
_REFERENCE = "openssl"
_VARIABLE = "BANYAN_GM_ENGINE"

_lock = threading.RLock()
_loaded: dict[str, Engine | errors.EngineUnavailable] = {}
_tested: set[str] = set()
_current: Engine | None = None


def _open(name: str, module: ModuleType) -> Engine:
    return RoutedEngine(name, module, _load(_REFERENCE)) if name != _REFERENCE else Engine(name, module)


def _load(name: str) -> Engine:
    """The engine ``name``, loaded once, not yet tested. Raises EngineUnavailable."""
    with _lock:
        if name not in _loaded:
            try:
                _loaded[name] = _open(name, import_module(_MODULES[name]))
            except KeyError:
                raise errors.EngineUnavailable(engine=name, reason="没有这个引擎") from None
            except ImportError:
                _loaded[name] = errors.EngineUnavailable(engine=name, reason="没有编译")
            except errors.EngineUnavailable as error:
                _loaded[name] = error
        found = _loaded[name]
    if isinstance(found, errors.EngineUnavailable):
        raise errors.EngineUnavailable(**found.fields)  # a fresh one: an exception kept would collect traces
    return found


def _is_available(name: str) -> bool:
    try:
        _load(name)
    except errors.EngineUnavailable:
        return False
    return True


def engine(name: str) -> Engine:
    """The engine ``name``, its known answers checked. Raises EngineUnavailable, SelfTestFailed."""
    found = _load(name)
    if name not in _tested:
        from banyan.gm.known_answers import check_engine

        with _lock:
            check_engine(found)
            _tested.add(name)
    return found


def current() -> Engine:
    """The engine in use; at the first call the one that ``BANYAN_GM_ENGINE`` names, or the fastest available."""
    if _current is not None:
        return _current
    return use(os.environ.get(_VARIABLE) or "auto")


def use(name: str) -> Engine:
    """Use ``openssl``, ``ipp`` or (``auto``) the fastest available from here on, in this process.

    Raises EngineUnavailable or SelfTestFailed; the engine in use then stays as it was.
    """
    global _current
    chosen = engine(engines()[0] if name == "auto" else name)
    _current = chosen
    return chosen


def engines() -> tuple[str, ...]:
    """Names of the engines that this build and this processor offer, the fastest first."""
    names = tuple(name for name in _MODULES if _is_available(name))
    if not names:
        raise errors.EngineUnavailable(engine="openssl", reason="没有编译")
    return names


def engine_name() -> str:
    """Name of the engine in use."""
    return current().name


def engine_tier(name: str | None = None) -> str:
    """``multi-buffer`` where lanes are worked side by side, else ``single-buffer``."""
    found = current() if name is None else engine(name)
    return "multi-buffer" if found.tier == 2 else "single-buffer"


def self_test(name: str | None = None) -> dict[str, list[str]]:
    """Check the known answers of one engine, or of all available; engine → the tests passed.

    Raises SelfTestFailed naming the first test that came out wrong.
    """
    from banyan.gm.known_answers import check_engine

    return {each: check_engine(_load(each)) for each in ((name,) if name else engines())}
