"""Running the simulated superior CA beside an installation and having the sample's certificates come from it."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from banyan.cli.installing import installer
from banyan.cli.processes import Child
from banyan.kernel import clock
from banyan.kernel.home import Home


@contextmanager
def simulated_superior(home: Home, name: str) -> Iterator[None]:
    """Have the simulator answering inside the block, its CAs registered, and SM2 requests go to it."""
    place = home.path / "superior"
    command = [
        sys.executable, "-m", "banyan.adapters.simulated_superior",
        "--directory", str(place), "--socket", str(home.socket(name)), "--delay", "0.5",
    ]  # fmt: skip
    child = Child(name, command, home.log / f"{name}.log")
    child.start()
    try:
        child.wait_until_answering(home)
        register(home, name)
        yield
    finally:
        child.stop()


# The CAs by which the issuing systems name who issues; with a superior CA they are all the superior's one.
SUPERIOR_CODES = ("sm2-personal", "sm2-organization", "sm2-device", "sm2-seal")


def register(home: Home, name: str) -> None:
    """Register the superior's root, and its issuing CA under every code that SM2 certificates are issued by."""
    from banyan.adapters.connectors import connector
    from banyan.domain.ca import actions as ca

    link = connector(name, home)
    root_der, issuing_der = link.chain()  # type: ignore[attr-defined]  # of the superior's connector
    now, actor = clock.now(), installer()
    root = ca.register_authority(actor, code="superior-root", certificate=root_der, connector="", now=now)
    for code in SUPERIOR_CODES:
        ca.register_authority(actor, code=code, certificate=issuing_der, connector=name, parent=root, now=now)
