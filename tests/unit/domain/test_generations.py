"""A2: after a rollover the issuing systems need no new setting: the newest generation of a CA issues."""

from dataclasses import dataclass

import pytest

from banyan.domain.ca.rules import newest_generation


@dataclass
class Ca:
    is_active: bool = True


ALL = {
    "sm2-seal": Ca(False),
    "sm2-seal-g2": Ca(False),
    "sm2-seal-g10": Ca(),
    "sm2-seal-g3": Ca(),
    "sm2-seal-good": Ca(),
}


@pytest.mark.parametrize(
    ("known", "issuing"),
    [
        (("sm2-seal",), "sm2-seal"),
        (("sm2-seal", "sm2-seal-g2"), "sm2-seal"),
        (("sm2-seal", "sm2-seal-g2", "sm2-seal-g3"), "sm2-seal-g3"),
        (tuple(ALL), "sm2-seal-g10"),
    ],
)
def test_the_newest_active_generation_issues(known: tuple[str, ...], issuing: str) -> None:
    authorities = {code: ALL[code] for code in known}
    assert newest_generation("sm2-seal", authorities) is ALL[issuing]


def test_an_unknown_code_stays_unknown() -> None:
    assert newest_generation("nobody", ALL) is None
