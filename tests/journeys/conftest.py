"""What journeys share."""

from collections.abc import Iterator

import pytest

from support.office import Office, office


@pytest.fixture(scope="session")
def at_work(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    """One sample installation made by the program for the journeys of a test process; each brings people of its own."""
    with office(tmp_path_factory.mktemp("office")) as made:
        yield made
