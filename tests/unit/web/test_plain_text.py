"""A request with a zero character is refused before anything reads it; PostgreSQL would not store it (F8)."""

from collections.abc import Callable

import pytest
from django.http import HttpRequest, HttpResponse
from django.test import RequestFactory

from banyan.web.middleware import PlainText

MAKE: dict[str, Callable[[RequestFactory], HttpRequest]] = {
    "form": lambda make: make.post("/login", {"username": "cle\0rk", "password": "x"}),
    "query": lambda make: make.get("/certificates", {"state": ["VALID", "\0"]}),
    "path": lambda make: make.get("/requests/%00"),
}


def _answer(request: HttpRequest) -> HttpResponse:
    return PlainText(lambda _: HttpResponse("served"))(request)


@pytest.mark.parametrize("where", MAKE)
def test_a_zero_character_is_refused_wherever_it_stands(where: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("banyan.web.errors.recognise_if_known", lambda request: None)
    answer = _answer(MAKE[where](RequestFactory()))
    assert answer.status_code == 400
    assert "读不懂" in answer.content.decode()


def test_what_people_type_is_served() -> None:
    answer = _answer(RequestFactory().post("/search", {"q": "测试·甲 𠮷\n\t"}))
    assert answer.content == b"served"
