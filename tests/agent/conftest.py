"""One agent a module, pages of both ways in."""

from collections.abc import Iterator

import pytest

from support.agent import AGENT, Agent, Page, PostPage, SocketPage, make_token, running


@pytest.fixture(scope="module")
def agent() -> Iterator[Agent]:
    if not AGENT.exists():
        pytest.skip("make setup builds it")
    with running() as started:
        yield started


@pytest.fixture(params=[SocketPage, PostPage], ids=["websocket", "post"])
def page(agent: Agent, request: pytest.FixtureRequest) -> Iterator[Page]:
    """A page of the allowed origin, by either way."""
    opened: Page = request.param(agent)
    yield opened
    opened.close()


@pytest.fixture
def socket_page(agent: Agent) -> Iterator[SocketPage]:
    opened = SocketPage(agent)
    yield opened
    opened.close()


@pytest.fixture
def serial() -> str:
    return make_token()
