"""Posted forms of the settings pages as contents of documents. Numbers that are none stay text: the check says so."""

import copy
from collections.abc import Mapping
from datetime import date
from typing import Any

from django.http import QueryDict

from banyan.domain.administering import documents
from banyan.domain.administering.calendar_settings import from_notice, with_day
from banyan.domain.administering.notices import read_notice
from banyan.domain.rulebook.errors import SettingRefused
from banyan.kernel.errors import N_

NEW = "new"
# What a single day may be set to; None: as its weekday has it.
_WORKS = {"off": False, "works": True, "weekday": None}


def number(text: str) -> int | str:
    """A number, or what was typed instead of one."""
    wanted = text.strip()
    return int(wanted) if wanted.isdecimal() and len(wanted) < 7 else wanted


def process(posted: QueryDict, document: str) -> dict[str, Any]:
    """A process: the steps in the order of the page, their deadlines and roles."""
    found = copy.deepcopy(dict(documents.shipped(document)))
    shipped = {step["verb"]: step for step in found["step"]}
    left_out = set(posted.getlist("left_out"))
    steps = []
    for verb in posted.getlist("step"):
        right = shipped[verb]["right"] if verb in shipped else ""
        days = number(posted.get(f"days.{verb}", ""))
        if verb not in left_out:
            steps.append({"verb": verb, "right": right, "role": posted.get(f"role.{verb}", ""), "working_days": days})
    found["step"] = steps
    return found


def moved(content: dict[str, Any], wish: str) -> dict[str, Any]:
    """The steps with one moved, as the buttons ask without script: ``up:approve``."""
    way, _, verb = wish.partition(":")
    steps = content["step"]
    places = [step["verb"] for step in steps]
    if verb in places:
        here = places.index(verb)
        there = here - 1 if way == "up" else here + 1
        if 0 <= there < len(steps):
            steps[here], steps[there] = steps[there], steps[here]
    return content


def materials(posted: QueryDict) -> dict[str, Any]:
    """The list of materials, one more where the empty row was filled."""
    found = []
    codes = posted.getlist("code")
    for code in codes:
        name = " ".join(posted.get(f"name.{code}", "").split())
        if f"drop.{code}" in posted or (code == NEW and not name):
            continue
        given = _free(codes, "m") if code == NEW else code
        places = {place: posted.getlist(f"{place}.{code}") for place in ("businesses", "kinds", "channels")}
        found.append({"code": given, "name": name, **places})
    return {"material": found}


def system(posted: QueryDict, before: Mapping[str, Any]) -> dict[str, Any]:
    """A system's policy."""
    found = copy.deepcopy(dict(before))
    found["renewal"] = {
        "opens_months": number(posted.get("opens_months", "")),
        "grace_days": number(posted.get("grace_days", "")),
    }
    found["soft_tokens"]["allowed"] = "soft_tokens" in posted
    fields, kinds_of = _fields(posted, {entry["code"]: entry for entry in found.get("field", [])})
    if fields or "field" in found:
        found["field"] = fields
    for entry in found["kind"]:
        kind = entry["kind"]
        entry["validity_days"] = number(posted.get(f"validity.{kind}", ""))
        entry["longest_validity_days"] = number(posted.get(f"longest.{kind}", ""))
        entry["media"] = posted.getlist(f"media.{kind}")
        codes = [one["code"] for one in fields if kind in kinds_of[one["code"]]]
        if codes or "fields" in entry:
            entry["fields"] = codes
    return found


def _fields(
    posted: QueryDict, before: Mapping[str, dict[str, Any]]
) -> tuple[list[dict[str, Any]], dict[str, list[str]]]:
    fields: list[dict[str, Any]] = []
    kinds_of: dict[str, list[str]] = {}
    codes = posted.getlist("field")
    for code in codes:
        label = " ".join(posted.get(f"label.{code}", "").split())
        if f"drop.{code}" in posted or (code == NEW and not label):
            continue
        given = _free(codes, "f") if code == NEW else code
        kind = posted.get(f"type.{code}", before[code]["type"] if code in before else "text")
        choices = [line.strip() for line in posted.get(f"choices.{code}", "").splitlines() if line.strip()]
        entry = {
            "code": given,
            "label": label,
            "type": kind,
            "required": f"required.{code}" in posted,
            "max_length": number(posted.get(f"max_length.{code}", "")),
            "hint": " ".join(posted.get(f"hint.{code}", "").split())[:100],
        }
        if kind == "choice":
            entry["choices"] = choices
        fields.append(entry)
        kinds_of[given] = posted.getlist(f"kinds.{code}")
    return fields, kinds_of


def notice(posted: QueryDict, year: int, uploaded: bytes) -> dict[str, Any]:
    """A year's calendar from the pasted notice, or from a file of text. Raises SettingRefused."""
    written = posted.get("notice", "")
    if uploaded:
        written = _decoded(uploaded)
    if not written.strip():
        raise SettingRefused("notice", N_("请粘贴通知的正文，或选择文本文件。"))
    return from_notice(read_notice(written, year))


def single_day(posted: QueryDict, content: Mapping[str, Any]) -> dict[str, Any]:
    """A year's calendar with one day changed. Raises SettingRefused."""
    try:
        day = date.fromisoformat(posted.get("day", ""))
    except ValueError as error:
        raise SettingRefused("day", N_("请选择日期。")) from error
    wish = posted.get("works", "")
    if wish not in _WORKS:
        raise SettingRefused("day", N_("请选择这一天放假还是上班。"))
    return with_day(content, day, _WORKS[wish])


def effective_on(posted: QueryDict) -> date | None:
    """From which day; None for at once. Raises SettingRefused."""
    written = posted.get("effective_on", "").strip()
    try:
        return date.fromisoformat(written) if written else None
    except ValueError as error:
        raise SettingRefused("effective_on", N_("日期写法应是 2027-02-06 这样。")) from error


def _decoded(content: bytes) -> str:
    for encoding in ("utf-8-sig", "gb18030"):
        try:
            return content.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise SettingRefused("notice", N_("这个文件不是文本。请另存为文本文件，或直接粘贴正文。"))


def _free(taken: list[str], letter: str) -> str:
    return next(name for place in range(1, 1000) if (name := f"{letter}{place}") not in taken)
