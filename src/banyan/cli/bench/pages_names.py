"""Names of nobody in particular: as common as names in Fujian are, so that a search for 陈 or 林 finds as many."""

import random
from collections.abc import Sequence

_COMMON = {
    "陈": 108,
    "林": 103,
    "黄": 56,
    "张": 50,
    "吴": 48,
    "李": 40,
    "郑": 39,
    "王": 38,
    "刘": 26,
    "苏": 19,
    "蔡": 18,
    "杨": 18,
}
_RARER = "许叶郭谢江何罗曾邱卢周庄徐廖朱魏柯方洪余游潘吕傅翁赖阮沈高施胡孙赵丁范程连温汤彭姚董戴钟雷蓝颜曹缪"
_GIVEN = (
    "伟芳娜秀英敏静丽强磊军洋勇艳杰娟涛明超兰霞平刚桂文辉玲萍红金春梅华建国志坚海燕晓峰俊鸿雅婷佳慧嘉欣怡宇轩浩然子涵"
    "思琪诗雨泽宁安康健美珍凤云龙飞鹏程远航承恩启德良善義榕闽厦泉漳莆南平福清仙游晋江石狮同翔集湖里思明鼓楼台仓山"
)
_TRADES = (
    "卫生健康",
    "教育",
    "公安",
    "民政",
    "财政",
    "人力资源",
    "自然资源",
    "住房建设",
    "交通运输",
    "水利",
    "农业农村",
    "市场监督",
)
_ENDS = ("局", "中心", "服务站", "委员会办公室", "管理所", "执法大队")
_SURNAMES = [*_COMMON, *_RARER]
_WEIGHTS = [*_COMMON.values(), *(9 for _ in _RARER)]


def people(drawn: random.Random, count: int) -> list[str]:
    """Names of people; some are borne by several, as in life."""
    surnames = drawn.choices(_SURNAMES, _WEIGHTS, k=count)
    return [one + "".join(drawn.choices(_GIVEN, k=1 if drawn.random() < 0.12 else 2)) for one in surnames]


def bodies(places: Sequence[str], numbers: range) -> list[str]:
    """Names of bodies, no two alike for different numbers: place, number, trade and sort."""
    kinds = len(_TRADES) * len(_ENDS)
    return [
        f"测试{place}第{number // kinds + 1}{_TRADES[number % len(_TRADES)]}{_ENDS[number // len(_TRADES) % len(_ENDS)]}"
        for place, number in zip(places, numbers, strict=True)
    ]
