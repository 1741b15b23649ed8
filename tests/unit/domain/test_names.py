"""Names: rare characters, the middle dot, comparison and spelling (standards §9)."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from banyan.domain.parties import errors
from banyan.domain.parties.names import (
    comparison_form,
    device_title,
    name_fragments,
    organization_name,
    person_name,
    pinyin_forms,
)


@pytest.mark.parametrize(
    ("typed", "stored"),
    [
        ("张三", "张三"),
        (" 张　三 ", "张三"),
        ("张 三", "张三"),
        ("阿不都•买买提", "阿不都·买买提"),
        ("阿不都．买买提", "阿不都·买买提"),
        ("阿不都・买买提", "阿不都·买买提"),
        ("阿不都･买买提", "阿不都·买买提"),
        ("阿不都‧买买提", "阿不都·买买提"),
        ("John  Smith", "John Smith"),
        ("O'Neill", "O'Neill"),
        ("Jean-Luc", "Jean-Luc"),
        ("张三\n", "张三"),
        ("武则〇", "武则〇"),
        ("𠮷田", "𠮷田"),
        ("王𬎆", "王𬎆"),
        ("王\U000323af", "王\U000323af"),
        ("张\ue81e", "张\ue81e"),
        ("葛\U000e0100亮", "葛\U000e0100亮"),
    ],
)
def test_peoples_names_are_stored_as_given_but_for_blanks_and_the_dot(typed: str, stored: str) -> None:
    assert person_name(typed) == stored


@pytest.mark.parametrize(
    ("typed", "error"),
    [
        ("", errors.FieldEmpty),
        (" \u3000", errors.FieldEmpty),
        ("张", errors.NameTooShort),
        ("𠮷", errors.NameTooShort),
        ("张\u200b三", errors.ControlCharacter),
        ("张\u202e三", errors.ControlCharacter),
        ("张\x00三", errors.ControlCharacter),
        ("张\t三", errors.ControlCharacter),
        ("张\n三", errors.ControlCharacter),
        ("张三1", errors.NameCharacterInvalid),
        ("=张三", errors.NameCharacterInvalid),
        ("张三@", errors.NameCharacterInvalid),
        ("张三（男）", errors.NameCharacterInvalid),
        ("张" * 61, errors.NameTooLong),
        ("··", errors.NameTooShort),
        ("\ud800张三", errors.ControlCharacter),
    ],
)
def test_wrong_names_are_named(typed: str, error: type[errors.RuleError]) -> None:
    with pytest.raises(error) as raised:
        person_name(typed)
    assert "请" in str(raised.value)


def test_a_control_character_is_told_with_its_place() -> None:
    with pytest.raises(errors.ControlCharacter, match=r"U\+202E，第 2 个"):
        person_name("张\u202e三")


def test_names_of_bodies_may_hold_digits_and_brackets() -> None:
    assert organization_name("福州市鼓楼区第１中学（东校区）") == "福州市鼓楼区第１中学（东校区）"
    assert organization_name("３６０公司") == "３６０公司"
    for wrong in ("=SUM(A1)", "+公司", "@公司", "-公司", "公司<script>", '公司"'):
        with pytest.raises(errors.NameCharacterInvalid):
            organization_name(wrong)
    with pytest.raises(errors.NameTooLong):
        organization_name("福" * 201)


def test_devices_may_have_short_names() -> None:
    assert device_title("A") == "A"
    with pytest.raises(errors.NameTooShort):
        device_title("·")


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("阿不都·买买提", "阿不都买买提"),
        ("福州市（鼓楼）公司", "福州市(鼓楼)公司"),
        ("ＡＢＣ公司", "abc公司"),
        ("张\ue81e", "张\u9fb4"),
        ("张\ue816", "张\U00020087"),
        ("ｶﾞ", "ガ"),
        ("⽂", "文"),
        ("葛\U000e0100", "葛"),
        ("é", "e\u0301"),
        ("John Smith", "JOHN SMITH"),
    ],
)
def test_names_people_would_call_the_same_compare_equal(one: str, other: str) -> None:
    assert comparison_form(one) == comparison_form(other)


@pytest.mark.parametrize(("one", "other"), [("张三", "张四"), ("𠮷田", "吉田"), ("福州1中", "福州2中"), ("己", "已")])
def test_names_that_differ_compare_unequal(one: str, other: str) -> None:
    assert comparison_form(one) != comparison_form(other)


@given(st.text(max_size=30))
def test_the_comparison_form_is_settled(text: str) -> None:
    form = comparison_form(text)
    assert comparison_form(form) == form or unicodedata.normalize("NFKC", form) != form


@given(st.text(max_size=70))
def test_a_name_that_is_accepted_is_accepted_again_unchanged(text: str) -> None:
    try:
        name = person_name(text)
    except errors.RuleError:
        return
    assert person_name(name) == name
    assert 2 <= len(name) <= 60


def test_fragments_are_neighbouring_pairs() -> None:
    assert name_fragments("张三丰") == {"张三", "三丰"}
    assert name_fragments("张") == {"张"}
    assert name_fragments("··") == frozenset()


def test_spellings_cover_the_readings_of_a_surname() -> None:
    whole, initials = pinyin_forms("单雄信", is_person=True)
    assert {"danxiongxin", "shanxiongxin"} <= whole
    assert {"dxx", "sxx"} <= initials
    assert "lvbu" in pinyin_forms("吕布", is_person=True)[0]
    assert len(pinyin_forms("单曾行乐重长和", is_person=True)[0]) <= 16


def test_bodies_are_spelt_by_phrases_and_found_from_any_initial() -> None:
    whole, initials = pinyin_forms("重庆银行A1", is_person=False)
    assert whole == {"chongqingyinhanga1"}
    assert {"cqyha1", "yha1"} <= initials


def test_rare_characters_do_not_break_spelling() -> None:
    assert pinyin_forms("\U000323af", is_person=True) == (frozenset(), frozenset())
