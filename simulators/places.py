"""Towns of the Yangtze delta and the roads between them, in WGS-84 degrees, good to about a kilometre."""

from __future__ import annotations

import heapq
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise

from simulators.roads import Point, haversine_m


@dataclass(frozen=True, slots=True)
class Place:
    """A town, with its name in both languages."""

    key: str
    name: str
    name_zh: str
    point: Point


def _place(key: str, name: str, name_zh: str, lat: float, lon: float) -> tuple[str, Place]:
    return key, Place(key, name, name_zh, Point(lat, lon))


PLACES: Mapping[str, Place] = dict(
    (
        # Shanghai
        _place("hongqiao", "Shanghai Hongqiao", "上海虹桥", 31.194, 121.327),
        _place("minhang", "Shanghai Minhang", "上海闵行", 31.113, 121.381),
        _place("songjiang", "Shanghai Songjiang", "上海松江", 31.032, 121.228),
        _place("qingpu", "Shanghai Qingpu", "上海青浦", 31.150, 121.124),
        _place("jiading", "Shanghai Jiading", "上海嘉定", 31.375, 121.265),
        _place("anting", "Shanghai Anting", "上海安亭", 31.296, 121.158),
        _place("baoshan", "Shanghai Baoshan", "上海宝山", 31.405, 121.489),
        _place("waigaoqiao", "Shanghai Waigaoqiao", "上海外高桥", 31.350, 121.587),
        _place("zhangjiang", "Shanghai Zhangjiang", "上海张江", 31.204, 121.590),
        _place("fengxian", "Shanghai Fengxian", "上海奉贤", 30.918, 121.474),
        _place("jinshan", "Shanghai Jinshan", "上海金山", 30.742, 121.342),
        # Suzhou and its county towns
        _place("taicang", "Taicang", "太仓", 31.457, 121.130),
        _place("kunshan", "Kunshan", "昆山", 31.385, 120.981),
        _place("sip", "Suzhou Industrial Park", "苏州工业园区", 31.318, 120.711),
        _place("suzhou", "Suzhou", "苏州", 31.299, 120.585),
        _place("xushuguan", "Xushuguan", "浒墅关", 31.379, 120.508),
        _place("wujiang", "Wujiang", "吴江", 31.159, 120.641),
        _place("shengze", "Shengze", "盛泽", 30.911, 120.660),
        _place("changshu", "Changshu", "常熟", 31.654, 120.752),
        _place("zhangjiagang", "Zhangjiagang", "张家港", 31.876, 120.555),
        # Wuxi, Changzhou, Zhenjiang, Nanjing
        _place("xinwu", "Wuxi Xinwu", "无锡新吴", 31.491, 120.431),
        _place("wuxi", "Wuxi", "无锡", 31.571, 120.299),
        _place("jiangyin", "Jiangyin", "江阴", 31.920, 120.285),
        _place("yixing", "Yixing", "宜兴", 31.341, 119.823),
        _place("changzhou", "Changzhou", "常州", 31.811, 119.974),
        _place("danyang", "Danyang", "丹阳", 32.010, 119.606),
        _place("zhenjiang", "Zhenjiang", "镇江", 32.188, 119.425),
        _place("jurong", "Jurong", "句容", 31.945, 119.168),
        _place("jiangning", "Nanjing Jiangning", "南京江宁", 31.953, 118.840),
        _place("nanjing", "Nanjing", "南京", 32.060, 118.797),
        _place("nantong", "Nantong", "南通", 31.980, 120.894),
        # Jiaxing and Huzhou
        _place("jiashan", "Jiashan", "嘉善", 30.831, 120.926),
        _place("jiaxing", "Jiaxing", "嘉兴", 30.746, 120.755),
        _place("tongxiang", "Tongxiang", "桐乡", 30.630, 120.565),
        _place("haining", "Haining", "海宁", 30.511, 120.681),
        _place("nanxun", "Nanxun", "南浔", 30.877, 120.420),
        _place("huzhou", "Huzhou", "湖州", 30.893, 120.087),
        _place("changxing", "Changxing", "长兴", 31.007, 119.911),
        _place("deqing", "Deqing", "德清", 30.543, 119.977),
        # Hangzhou, Shaoxing, Ningbo
        _place("linping", "Hangzhou Linping", "杭州临平", 30.419, 120.299),
        _place("hangzhou", "Hangzhou", "杭州", 30.274, 120.155),
        _place("xiaoshan", "Hangzhou Xiaoshan", "杭州萧山", 30.184, 120.264),
        _place("keqiao", "Shaoxing Keqiao", "绍兴柯桥", 30.082, 120.495),
        _place("shaoxing", "Shaoxing", "绍兴", 30.030, 120.580),
        _place("shangyu", "Shaoxing Shangyu", "绍兴上虞", 30.033, 120.868),
        _place("yuyao", "Yuyao", "余姚", 30.037, 121.154),
        _place("cixi", "Cixi", "慈溪", 30.170, 121.266),
        _place("ningbo", "Ningbo", "宁波", 29.868, 121.544),
        _place("beilun", "Ningbo Beilun", "宁波北仑", 29.899, 121.845),
    )
)

# Each road: the two towns, and the bends between them.
_ROADS: tuple[tuple[str, str, tuple[tuple[float, float], ...]], ...] = (
    ("hongqiao", "minhang", ((31.158, 121.341),)),
    ("hongqiao", "anting", ((31.236, 121.293), (31.272, 121.221))),
    ("hongqiao", "qingpu", ((31.181, 121.246),)),
    ("hongqiao", "baoshan", ((31.261, 121.376), (31.338, 121.424))),
    ("hongqiao", "zhangjiang", ((31.163, 121.402), (31.173, 121.505))),
    ("minhang", "songjiang", ((31.078, 121.309),)),
    ("minhang", "fengxian", ((31.029, 121.419),)),
    ("songjiang", "qingpu", ((31.094, 121.166),)),
    ("songjiang", "jiashan", ((30.951, 121.107), (30.884, 121.004))),
    ("songjiang", "jinshan", ((30.905, 121.259),)),
    ("fengxian", "jinshan", ((30.826, 121.418),)),
    ("zhangjiang", "waigaoqiao", ((31.281, 121.601),)),
    ("waigaoqiao", "baoshan", ((31.385, 121.545),)),
    ("zhangjiang", "fengxian", ((31.071, 121.560),)),
    ("anting", "jiading", ((31.331, 121.213),)),
    ("anting", "kunshan", ((31.318, 121.081), (31.352, 121.029))),
    ("jiading", "baoshan", ((31.399, 121.379),)),
    ("jiading", "taicang", ((31.423, 121.196),)),
    ("taicang", "kunshan", ((31.421, 121.057),)),
    ("taicang", "changshu", ((31.533, 121.021), (31.611, 120.884))),
    ("qingpu", "kunshan", ((31.232, 121.079), (31.309, 121.003))),
    ("qingpu", "wujiang", ((31.111, 120.952), (31.142, 120.794))),
    ("kunshan", "sip", ((31.362, 120.884), (31.337, 120.797))),
    ("sip", "suzhou", ((31.311, 120.648),)),
    ("suzhou", "xushuguan", ((31.343, 120.545),)),
    ("suzhou", "wujiang", ((31.234, 120.611),)),
    ("sip", "changshu", ((31.431, 120.728), (31.551, 120.738))),
    ("wujiang", "shengze", ((31.044, 120.662),)),
    ("shengze", "jiaxing", ((30.826, 120.703),)),
    ("changshu", "zhangjiagang", ((31.761, 120.661),)),
    ("changshu", "nantong", ((31.773, 120.873), (31.884, 120.921))),
    ("zhangjiagang", "jiangyin", ((31.902, 120.423),)),
    ("xushuguan", "xinwu", ((31.436, 120.474),)),
    ("xinwu", "wuxi", ((31.531, 120.371),)),
    ("wuxi", "jiangyin", ((31.691, 120.311), (31.812, 120.293))),
    ("wuxi", "changzhou", ((31.661, 120.189), (31.743, 120.081))),
    ("wuxi", "yixing", ((31.503, 120.127), (31.431, 119.962))),
    ("yixing", "changxing", ((31.182, 119.861),)),
    ("changzhou", "danyang", ((31.896, 119.821), (31.957, 119.706))),
    ("danyang", "zhenjiang", ((32.093, 119.531),)),
    ("danyang", "jurong", ((31.989, 119.411), (31.961, 119.287))),
    ("zhenjiang", "jurong", ((32.078, 119.297),)),
    ("jurong", "jiangning", ((31.951, 119.003),)),
    ("jiangning", "nanjing", ((32.001, 118.807),)),
    ("jiashan", "jiaxing", ((30.793, 120.841),)),
    ("jiaxing", "tongxiang", ((30.689, 120.661),)),
    ("jiaxing", "haining", ((30.631, 120.729),)),
    ("jinshan", "haining", ((30.671, 121.121), (30.563, 120.903))),
    ("tongxiang", "linping", ((30.541, 120.441),)),
    ("tongxiang", "nanxun", ((30.751, 120.487),)),
    ("haining", "linping", ((30.462, 120.491),)),
    ("linping", "hangzhou", ((30.348, 120.231),)),
    ("nanxun", "huzhou", ((30.884, 120.257),)),
    ("nanxun", "shengze", ((30.893, 120.541),)),
    ("huzhou", "changxing", ((30.951, 120.003),)),
    ("huzhou", "deqing", ((30.721, 120.031),)),
    ("deqing", "hangzhou", ((30.411, 120.061),)),
    ("hangzhou", "xiaoshan", ((30.221, 120.207),)),
    ("xiaoshan", "keqiao", ((30.137, 120.381),)),
    ("keqiao", "shaoxing", ((30.057, 120.541),)),
    ("shaoxing", "shangyu", ((30.039, 120.727),)),
    ("shangyu", "yuyao", ((30.041, 121.011),)),
    ("yuyao", "cixi", ((30.108, 121.211),)),
    ("yuyao", "ningbo", ((29.981, 121.301), (29.917, 121.431))),
    ("ningbo", "beilun", ((29.876, 121.693),)),
)


@dataclass(frozen=True, slots=True)
class _Road:
    to: str
    bends: tuple[Point, ...]
    length_m: float


def _road_graph() -> dict[str, list[_Road]]:
    graph: dict[str, list[_Road]] = {key: [] for key in PLACES}
    for start, end, raw_bends in _ROADS:
        bends = tuple(Point(lat, lon) for lat, lon in raw_bends)
        line = (PLACES[start].point, *bends, PLACES[end].point)
        length_m = sum(haversine_m(a, b) for a, b in pairwise(line))
        graph[start].append(_Road(end, bends, length_m))
        graph[end].append(_Road(start, bends[::-1], length_m))
    return graph


_GRAPH = _road_graph()


def shortest_way(start: str, end: str) -> tuple[Point, ...]:
    """Shortest way by road between two towns, both included: its towns and bends in order.

    Dijkstra over the road lengths.
    """
    queue: list[tuple[float, str, tuple[Point, ...]]] = [(0.0, start, (PLACES[start].point,))]
    done: set[str] = set()
    while queue:
        length_m, here, way = heapq.heappop(queue)
        if here == end:
            return way
        if here in done:
            continue
        done.add(here)
        for road in _GRAPH[here]:
            if road.to not in done:
                onward = (*way, *road.bends, PLACES[road.to].point)
                heapq.heappush(queue, (length_m + road.length_m, road.to, onward))
    raise ValueError(f"no road leads from {start} to {end}")
