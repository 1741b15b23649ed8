"""Kill -9 at random moments and at every named commit boundary: nothing is lost, nothing comes twice (issue 2, faults).

Worker, signer, KMC, superior CA and tokens are processes of their own. After any kills the certificates in the
signer's journal (and at the superior CA), those recorded, and those that a token or an open task accounts for are the
same; each request has one pair, each token works, the audit is whole.
"""

import secrets

import pytest

from support.campaign import OF_THE_OTHERS, OF_THE_WORKER, Campaign
from support.installation import database_of_this_run, living
from support.life_campaign import LifeCampaign

_ROUNDS = 100


def lives(kind: str, rounds: int) -> None:
    seed = secrets.randbelow(2**32)
    with living(kind) as nursery:
        running = LifeCampaign(nursery, nursery.home.path.parent, seed)
        try:
            running.run(rounds)
        except BaseException:
            print(f"seed {seed}, rounds {running.rounds}, lives {running.lives}, left {running.left}")  # noqa: T201
            raise
    assert running.rounds >= rounds


def campaign(kind: str, rounds: int) -> None:
    seed = secrets.randbelow(2**32)
    with living(kind) as nursery:
        running = Campaign(nursery, nursery.home.path.parent, seed)
        try:
            running.run(rounds)
        except BaseException:
            print(f"seed {seed}, rounds {running.rounds}, batches {running.batches}")  # noqa: T201
            raise
    assert running.rounds >= rounds
    assert running.hit == {*OF_THE_WORKER, *(f"{process}/{boundary}" for process, boundary in OF_THE_OTHERS)}


def test_a_whole_life_survives_a_kill_at_every_boundary() -> None:
    """Every business on a pair, people and rights, stock, lists, key recovery, import, and a restore with its replay."""
    lives(database_of_this_run(), _ROUNDS)


def test_a_hundred_kills_lose_nothing_and_double_nothing() -> None:
    campaign(database_of_this_run(), _ROUNDS)


@pytest.mark.soak
@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_a_thousand_kills_lose_nothing_and_double_nothing(kind: str) -> None:
    campaign(kind, 1000)


@pytest.mark.soak
@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_lives_survive_a_thousand_kills(kind: str) -> None:
    lives(kind, 1000)
