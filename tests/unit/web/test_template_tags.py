"""What every page is made of: states, dates, deadlines, serials, masked values (design: never colour alone)."""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from django.utils import translation

from banyan.domain.ca.models import CertificatePair, PairState
from banyan.domain.inventory.models import TokenState
from banyan.domain.ra.models import RequestState
from banyan.domain.ra.processes import Verb
from banyan.web import words
from banyan.web.reading import certificates, charts, deadlines, masking
from banyan.web.reading.paging import Cursor
from banyan.web.templatetags import banyan as tags

MONDAY = datetime(2026, 3, 16, 1, 30, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _in_chinese():
    with translation.override("zh-hans"):
        yield


@pytest.mark.parametrize("code", [*PairState.values, *RequestState.values, *TokenState.values, *Verb])
def test_every_state_has_a_word_an_icon_and_a_colour(code: str) -> None:
    """A state that no table knows would show as its code, without colour."""
    if code == RequestState.OPEN:
        pytest.skip("an open request shows the step it waits at")
    shown = tags.state(code)
    assert "tabler-" in shown
    assert 'class="st st-' in shown
    assert str(code) not in shown.rsplit("</svg>", 1)[1]


def test_every_icon_named_anywhere_is_in_the_sprite() -> None:
    web = Path(words.__file__).parent
    sprite = (web / "static/vendor/icons.svg").read_text()
    listed = set((web / "icons.txt").read_text().split())
    assert {word.icon for word in words.STATES.values()} <= listed
    assert all(f'id="tabler-{name}"' in sprite for name in listed)


def test_a_state_escapes_what_it_does_not_know() -> None:
    assert "<script>" not in tags.state("<script>")


def test_moments_are_shown_in_local_time() -> None:
    assert tags.moment(datetime(2026, 3, 15, 17, 5, tzinfo=UTC)) == "2026-03-16 01:05"
    assert tags.day(datetime(2026, 3, 15, 17, 5, tzinfo=UTC)) == "2026-03-16"
    assert tags.day(date(2026, 3, 15)) == "2026-03-15"
    assert tags.moment(None) == "—"


def test_serials_are_grouped_for_the_eye() -> None:
    assert tags.serial("5201A0A232AF") == "5201 A0A2 32AF"


def test_filters_in_an_address_leave_empty_ones_out() -> None:
    assert tags.query({"state": "VALID", "kind": ""}, before=7) == "?state=VALID&before=7"
    assert tags.query({"state": "VALID"}, state="") == "?"


@pytest.mark.parametrize(
    ("on", "left", "text"),
    [
        (date(2026, 3, 16), 0, "今天到限"),
        (date(2026, 3, 17), 1, "剩 1 天"),
        (date(2026, 3, 23), 5, "剩 5 天"),  # the weekend does not count
        (date(2026, 3, 13), -1, "超 1 天"),
        (date(2026, 3, 15), -1, "超 1 天"),  # due on a Sunday, looked at on Monday: one working day late
    ],
)
def test_deadlines_count_working_days(on: date, left: int, text: str) -> None:
    """C2: deadlines in working days of the province."""
    found = deadlines.deadline(on, MONDAY)
    assert found is not None
    assert (found.left, found.text) == (left, text)
    assert ("due-over" in tags.due(found)) == (left < 0)


def test_holidays_do_not_count() -> None:
    """National Day of 2026: 1 to 7 October are free."""
    found = deadlines.deadline(date(2026, 10, 8), datetime(2026, 9, 30, 2, tzinfo=UTC))
    assert found is not None
    assert found.left == 1


def test_no_deadline_no_badge() -> None:
    assert deadlines.deadline(None, MONDAY) is None
    assert tags.due(None) == ""


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("350102199001010015", "350102********0015"),
        ("电话 13800000023，证件 35010219900101001X。", "电话 138****0023，证件 350102********001X。"),
        ("订单 2026031600012345", "订单 2026031600012345"),
        ("350102900101001", "350102*****1001"),
    ],
)
def test_numbers_of_people_are_masked_wherever_they_stand(text: str, shown: str) -> None:
    assert masking.masked(text) == shown


def test_cursors_take_keys_only() -> None:
    from django.http import QueryDict

    assert Cursor.of(QueryDict("before=17")) == Cursor(before=17)
    assert Cursor.of(QueryDict("before=x&after=-3")) == Cursor()
    assert Cursor.of(QueryDict("after=" + "9" * 40)) == Cursor()


def test_a_line_of_days_without_work_is_flat() -> None:
    points = charts.spark([0, 0, 0])["line"].split()
    assert {point.split(",")[1] for point in points} == {"26.0"}


def test_no_template_carries_style_or_script_of_its_own() -> None:
    """The security policy would refuse both; a page must not depend on either."""
    for path in (Path(words.__file__).parent / "templates").rglob("*.html"):
        text = path.read_text()
        assert " style=" not in text, path
        assert " onclick" not in text, path
        assert "<script>" not in text, path


def test_the_style_works_in_chromium_86() -> None:
    web = Path(words.__file__).parent / "static/banyan"
    for path in web.glob("*.css"):
        text = path.read_text()
        for newer in ("color-mix(", ":has(", "@container", "@layer", "oklch(", ":is("):
            assert newer not in text, (path, newer)


@pytest.mark.parametrize(
    ("first", "last", "left", "text"),
    [
        (-100, 300, 75, "还有 300 天"),
        (-365, 0, 0, "今天到期"),
        (-400, -35, 0, "过期 35 天"),
        (2, 367, 100, "2 天后生效"),
    ],
)
def test_a_pair_says_how_long_it_lasts(first: int, last: int, left: int, text: str) -> None:
    """Days as people here count them: from one day to another."""
    pair = CertificatePair(
        state=PairState.VALID,
        not_before=MONDAY + timedelta(days=first),
        not_after=MONDAY + timedelta(days=last, minutes=5),
    )
    found = certificates.validity_of(pair, MONDAY)
    assert found is not None
    assert (found.left, found.text) == (left, text)
    pair.state = PairState.REVOKED
    assert certificates.validity_of(pair, MONDAY) is None


def test_a_copy_button_waits_for_the_script_that_makes_it_work() -> None:
    button = tags.copy('<"5201">', "序列号")
    assert " hidden>" in button
    assert "复制序列号" in button
    assert 'data-copy="&lt;&quot;5201&quot;&gt;"' in button
