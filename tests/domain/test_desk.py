"""What the counter keeps for the length of some work: forms as typed so far, and who is at a request (A4)."""

from datetime import timedelta
from pathlib import Path

import pytest

from banyan.domain.desk import drafts, presence
from banyan.domain.desk.models import Draft
from banyan.jobs import rounds
from banyan.kernel.home import Home
from support.issuing import NOW, clerk

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_draft_is_its_own_person_s_and_sealed() -> None:
    drafts.keep(clerk(), "intake", {"name": "测试甲"}, NOW)
    assert drafts.find(clerk(), "intake") == ({"name": "测试甲"}, NOW)
    assert drafts.find(clerk(99), "intake") == ({}, None)
    assert "测试甲".encode() not in bytes(Draft.objects.get().values_sealed)
    drafts.keep(clerk(), "intake", {}, NOW)
    assert not Draft.objects.exists()


def test_the_jobs_forget_old_drafts_and_who_left_without_a_word(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rounds, "_looked_at", [])
    drafts.keep(clerk(), "old", {"a": "b"}, NOW)
    drafts.keep(clerk(), "new", {"a": "b"}, NOW + timedelta(days=10))
    presence.come(clerk(), 1, NOW)
    rounds.seldom(Home(tmp_path), NOW + timedelta(days=15))
    assert list(Draft.objects.values_list("form", flat=True)) == ["new"]
    assert presence.come(clerk(99), 1, NOW) == []
