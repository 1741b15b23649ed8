"""Fixtures of the adapters' tests."""

from collections.abc import Iterator

import pytest

from support.superior import Superior


@pytest.fixture
def superior() -> Iterator[Superior]:
    """A simulated superior CA with a clock in the test's hand."""
    running = Superior()
    yield running
    running.remove()
