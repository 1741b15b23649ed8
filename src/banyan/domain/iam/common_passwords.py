"""Passwords that everybody tries first: a known word with digits and signs around it, or a walk along the keyboard.

A list of whole passwords would be long and always too short; what makes them common is how they are made. Pure.
"""

import re
from typing import Final

# What people put in place of letters.
_PLAIN: Final = str.maketrans(
    {"@": "a", "4": "a", "0": "o", "3": "e", "1": "i", "!": "i", "$": "s", "5": "s", "7": "t"}
)
_WORDS: Final = (
    "password passwd pass passw0rd admin administrator root system sysadmin manager master super superuser user guest "
    "test tester testing demo default welcome hello login letmein changeme change secret security qwerty qwert asdf "
    "asdfgh zxcvbn zxcvbnm abc abcd abcdef abcdefg abcabc aabbcc aaa iloveyou love dragon monkey sunshine princess "
    "football baseball michael jordan computer internet server oracle mysql database linux windows huawei alibaba "
    "tencent baidu qq wechat weixin china zhongguo beijing shanghai fujian fuzhou xiamen quanzhou banyan rongzheng "
    "woaini woaiwojia wodemima mima mimamima kouling guanliyuan yonghu ceshi zhengwu zhengshu dianzi xinxi zhongxin "
    "spring summer autumn winter january monday aini"
)
_STEMS: Final = frozenset(_WORDS.split())
_ROWS: Final = (
    "1234567890", "0987654321", "qwertyuiop", "poiuytrewq", "asdfghjkl", "lkjhgfdsa", "zxcvbnm", "mnbvcxz",
    "abcdefghijklmnopqrstuvwxyz", "zyxwvutsrqponmlkjihgfedcba", "1qaz2wsx3edc4rfv5tgb6yhn7ujm", "qazwsxedcrfvtgbyhnujm",
    "1q2w3e4r5t6y7u8i9o0p", "q1w2e3r4t5y6u7i8o9p0", "!@#$%^&*()", "zaq1xsw2cde3vfr4bgt5", "147258369", "789456123",
)  # fmt: skip
_SHIFTED: Final = str.maketrans("!@#$%^&*()", "1234567890")
_WALK: Final = 4  # keys in a row that count as a walk


def is_common(password: str) -> bool:
    """Whether a password is a common one: at least two thirds of it are known words, walks and repetitions."""
    folded = password.casefold()
    return any(_left(reading) * 3 <= len(password) for reading in (folded, folded.translate(_SHIFTED)))


def _left(text: str) -> int:
    """How many characters are left when what everybody tries is taken out."""
    rest = _without_walks(text)
    rest = re.sub(r"(.)\1{2,}", "\0", rest)
    rest = re.sub(r"(19|20)\d\d(0[1-9]|1[0-2])?([0-2]\d|3[01])?", "\0", rest)
    words = [word for word in re.split(r"\0+", rest) if word]
    return sum(0 if _is_stem(word) else len(word.strip("!@#$%^&*()_+-=.,?~0123456789")) for word in words)


def _is_stem(word: str) -> bool:
    core = word.strip("!@#$%^&*()_+-=.,?~0123456789")
    whole = re.sub(r"[^a-z]", "", word.translate(_PLAIN))
    return core in _STEMS or re.sub(r"[^a-z]", "", core.translate(_PLAIN)) in _STEMS or whole in _STEMS


def _without_walks(text: str) -> str:
    """Each walk of the keyboard replaced by a mark."""
    out, at = [], 0
    while at < len(text):
        longest = max((_along(text, at, row) for row in _ROWS), default=0)
        if longest >= _WALK:
            out.append("\0")
            at += longest
        else:
            out.append(text[at])
            at += 1
    return "".join(out)


def _along(text: str, at: int, row: str) -> int:
    """How far the text at a place goes along a row of keys."""
    best = 0
    start = row.find(text[at])
    while start >= 0:
        length = 0
        while at + length < len(text) and start + length < len(row) and text[at + length] == row[start + length]:
            length += 1
        best = max(best, length)
        start = row.find(text[at], start + 1)
    return best
