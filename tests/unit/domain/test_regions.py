"""Fujian's regions as shipped: counts, retired codes, names on forms, closure (standards §9)."""

import pytest

from banyan.domain.parties import errors
from banyan.domain.parties.kinds import RegionLevel
from banyan.domain.parties.regions import load_tree, shipped_tree

TREE = shipped_tree()


def test_nine_prefectures_pingtan_and_eighty_four_counties() -> None:
    levels = [region.level for region in TREE.regions]
    assert levels.count(RegionLevel.PREFECTURE) == 9
    assert levels.count(RegionLevel.BUSINESS_AREA) == 1
    # 平潭 is one of the 84 counties of GB/T 2260, standing here as a business area.
    assert levels.count(RegionLevel.COUNTY) == 83
    assert TREE.root.code == "350000"


def test_pingtan_stands_beside_the_prefectures() -> None:
    assert TREE.by_code["350128"].parent == "350000"
    assert ("350100", "350128") not in TREE.closure
    assert ("350000", "350128") in TREE.closure
    assert not TREE.is_within("350128", {"350100"})
    assert not TREE.is_within("350000", {"350100"})
    assert TREE.is_within("350128", None)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("350182", "350112"),
        ("350402", "350404"),
        ("350403", "350404"),
        ("350427", "350405"),
        ("350681", "350604"),
        ("350625", "350605"),
        ("350784", "350703"),
        ("350822", "350803"),
    ],
)
def test_retired_codes_lead_to_the_current_ones(old: str, new: str) -> None:
    assert TREE.read(old).code == new
    assert old not in TREE.by_code
    assert (new, old) in TREE.closure
    assert (new[:4] + "00", old) in TREE.closure
    assert (old, new) in TREE.closure


@pytest.mark.parametrize(
    ("typed", "code"),
    [
        ("350102", "350102"),
        ("３５０１０２", "350102"),
        ("福州市鼓楼区", "350102"),
        ("福建省福州市鼓楼区", "350102"),
        ("福州 鼓楼", "350102"),
        ("鼓楼区", "350102"),
        ("福州", "350100"),
        ("福建省", "350000"),
        ("平潭", "350128"),
        ("平潭综合实验区", "350128"),
        ("福建省福州市平潭县", "350128"),
        ("长乐市", "350112"),
        ("三明市梅列区", "350404"),
        ("沙县", "350405"),
        ("三元区", "350404"),
    ],
)
def test_regions_are_read_as_forms_write_them(typed: str, code: str) -> None:
    assert TREE.read(typed).code == code


@pytest.mark.parametrize("typed", ["350199", "110000", "杭州市", "", "35010", "厦门市鼓楼区"])
def test_unknown_regions_are_refused_with_an_example(typed: str) -> None:
    with pytest.raises(errors.UnknownRegion, match="350102"):
        TREE.read(typed)


def test_full_names() -> None:
    assert [TREE.full_name(code) for code in ("350000", "350100", "350102", "350128", "350182")] == [
        "福建省",
        "福州市",
        "福州市鼓楼区",
        "平潭综合实验区",
        "福州市长乐区",
    ]


def test_every_region_is_in_its_own_sight_and_in_the_provinces() -> None:
    for region in TREE.regions:
        assert (region.code, region.code) in TREE.closure
        assert ("350000", region.code) in TREE.closure
    assert sum(above == "350100" and not below.startswith("3501") for above, below in TREE.closure) == 0


TWO = """
[province]
code = "990000"
name = "测试省"
[[prefecture]]
code = "990100"
name = "甲市"
[prefecture.counties]
"02" = "城中区"
[[prefecture]]
code = "990200"
name = "乙市"
[prefecture.counties]
"02" = "城中区"
"""


def test_a_name_borne_twice_is_not_guessed() -> None:
    tree = load_tree(TWO)
    with pytest.raises(errors.AmbiguousRegion, match="990102 甲市城中区、990202 乙市城中区"):
        tree.read("城中区")
    assert tree.read("乙市城中").code == "990202"


@pytest.mark.parametrize(
    "broken",
    [
        TWO.replace("990200", "990100"),
        TWO.replace('"990000"', '"99000"'),
        TWO.replace("[province]", "[country]"),
        "x = ",
        TWO + '[[retired]]\ncode = "990103"\ncurrent = "990999"\n',
        TWO + '[[retired]]\ncode = "990102"\ncurrent = "990202"\n',
    ],
)
def test_broken_data_is_refused(broken: str) -> None:
    with pytest.raises(errors.RegionDataInvalid):
        load_tree(broken)
