"""The State Council's notice of holidays, as people paste it (issue 4: deadlines with holidays and make-up days)."""

from datetime import date

import pytest

from banyan.domain.administering import calendar_settings
from banyan.domain.administering.notices import read_notice
from banyan.domain.rulebook.errors import SettingRefused

# The arrangement of 2026 as it was published, which the shipped calendar knows too: two sources that must agree.
NOTICE_2026 = """国务院办公厅关于2026年部分节假日安排的通知
各省、自治区、直辖市人民政府，国务院各部委、各直属机构：
经国务院批准，现将2026年元旦、春节、清明节、劳动节、端午节、中秋节和国庆节放假调休日期的具体安排通知如下。
一、元旦：1月1日（周四）至3日（周六）放假调休，共3天。1月4日（周日）上班。
二、春节：2月15日（农历腊月二十八、周日）至23日（农历正月初七、周一）放假调休，共9天。2月14日（周六）、2月28日（周六）上班。
三、清明节：4月4日（周六）至6日（周一）放假，共3天。
四、劳动节：5月1日（周五）至5日（周二）放假调休，共5天。5月9日（周六）上班。
五、端午节：6月19日（周五）至21日（周日）放假，共3天。
六、中秋节：9月25日（周五）至27日（周日）放假，共3天。
七、国庆节：10月1日（周四）至7日（周三）放假调休，共7天。9月20日（周日）、10月10日（周六）上班。
节假日期间，各地区、各部门要妥善安排好值班和安全、保卫、疫情防控等工作。
国务院办公厅
2025年11月4日"""
TABLE_2027 = """节日\t放假\t至\t上班
元旦\t2026-12-31\t2027-01-02
春节\t2027-02-05\t2027-02-11\t2027-01-31 2027-02-13
清明节\t2027-04-03\t2027-04-05
劳动节\t2027-05-01\t2027-05-05\t2027-05-08
端午节\t2027-06-09\t2027-06-09
中秋节\t2027-09-15\t2027-09-15
国庆节\t2027-10-01\t2027-10-07\t2027-09-26、2027-10-09"""


def test_a_published_notice_says_what_the_shipped_calendar_knows() -> None:
    notice = read_notice(NOTICE_2026, 2026)
    content = calendar_settings.from_notice(notice)
    calendar_settings.check(2026, content)
    days = calendar_settings.days_of(content)
    assert days == calendar_settings.days_of(calendar_settings.shipped_year(2026))
    assert days[date(2026, 2, 14)] is True
    assert days[date(2026, 2, 17)] is False
    assert notice.names[date(2026, 2, 15)] == "春节"


def test_a_table_serves_as_well_and_new_year_begins_in_december() -> None:
    notice = read_notice(TABLE_2027, 2027)
    assert date(2026, 12, 31) in notice.holidays
    assert {date(2027, 1, 31), date(2027, 10, 9)} < notice.workdays
    calendar_settings.check(2027, calendar_settings.from_notice(notice))


def test_days_off_that_begin_in_december_are_of_the_year_before() -> None:
    text = NOTICE_2026.replace(
        "1月1日（周四）至3日（周六）放假调休，共3天", "12月31日（周三）至1月2日（周五）放假，共3天"
    )
    notice = read_notice(text, 2026)
    assert {date(2025, 12, 31), date(2026, 1, 1), date(2026, 1, 2)} < notice.holidays


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        ("4月4日（周六）", "4月4日（周五）", "周六，通知写的是周五"),
        ("共9天", "共8天", "写着共 8 天，日期算来是 9 天"),
        ("三、清明节", "三、某节", "清明"),
        ("2026年部分", "2027年部分", "2027 年的通知"),
        ("5月9日（周六）上班", "5月8日（周五）上班", "不会是调休上班日"),
        ("6月19日（周五）至21日（周日）", "6月31日至32日", "没有 6 月 31 日"),
        ("9月25日（周五）至27日（周日）", "9月27日至25日", "不像一次放假"),
        ("5月9日（周六）上班", "5月9日（周六）另行安排", "看不出"),
        ("10月10日（周六）上班", "2月21日（周六）上班", "既放假又上班"),
        ("三、清明节：4月4日", "三、清明节：4日", "没有写月份"),
        ("五、端午节：", "五、", "没有节日的名称"),
    ],
)
def test_what_does_not_fit_together_is_named(old: str, new: str, complaint: str) -> None:
    assert old in NOTICE_2026
    with pytest.raises(SettingRefused, match=complaint) as refused:
        read_notice(NOTICE_2026.replace(old, new), 2026)
    assert refused.value.place == "notice"


def test_something_else_is_no_notice() -> None:
    for text in ("", "hello", "99999日放假", "：" * 30, "元旦：1月1日放假" * 3000):
        with pytest.raises(SettingRefused):
            read_notice(text, 2026)


def test_a_year_the_shipped_calendar_does_not_know_is_empty() -> None:
    assert calendar_settings.shipped_year(2099)["is_known"] is False
    (line,) = calendar_settings.lines(calendar_settings.shipped_year(2099))
    assert "未公布" in line.text


def test_a_single_day_is_changed_and_changed_back() -> None:
    content = calendar_settings.shipped_year(2026)
    off = calendar_settings.with_day(content, date(2026, 3, 9), works=False)
    assert calendar_settings.days_of(off)[date(2026, 3, 9)] is False
    back = calendar_settings.with_day(off, date(2026, 3, 9), works=None)
    assert calendar_settings.days_of(back) == calendar_settings.days_of(content)
    with pytest.raises(SettingRefused, match="本来就是工作日"):
        calendar_settings.check(2026, calendar_settings.with_day(content, date(2026, 3, 9), works=True))
    with pytest.raises(SettingRefused, match="不在 2026 年"):
        calendar_settings.check(2026, calendar_settings.with_day(content, date(2027, 3, 9), works=False))
