"""Whoever adds an action or a store's table says where processes are killed at its commits, or why nowhere."""

from support.boundaries import actions, store_commits
from support.campaign import OF_THE_OTHERS, OF_THE_WORKER
from support.life_campaign import ACTIONS_OF_THE_LIFE, EXCEPTIONS, STORES_OF_THE_LIFE

_EXCEPTED = frozenset().union(*EXCEPTIONS.values())


def named(*boundaries: str) -> set[str]:
    return {boundary.rpartition(".")[0] for boundary in boundaries}


def test_processes_are_killed_at_every_action_s_commit() -> None:
    of_the_worker = {one for one in named(*OF_THE_WORKER) if not one.startswith("agent.")}
    killed = of_the_worker | ACTIONS_OF_THE_LIFE
    assert actions() - killed == {name for name in _EXCEPTED if ".db:" not in name}
    assert killed <= actions()


def test_processes_are_killed_at_every_commit_of_signer_and_key_centre() -> None:
    killed = {
        what
        for process, what in ((one, named(two).pop()) for one, two in OF_THE_OTHERS)
        if process in ("signer", "kmc")
    }
    killed |= {*STORES_OF_THE_LIFE["signer"], *STORES_OF_THE_LIFE["kmc"]}
    assert store_commits() - killed == {name for name in _EXCEPTED if ".db:" in name}
    assert killed <= store_commits()


def test_no_action_is_excepted_twice_or_killed_all_the_same() -> None:
    assert sum(map(len, EXCEPTIONS.values())) == len(_EXCEPTED)
    assert not _EXCEPTED & (ACTIONS_OF_THE_LIFE | named(*OF_THE_WORKER))
