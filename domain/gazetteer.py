"""Which province, city and district an address names, by their full and short names; nothing is guessed."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property

_PEOPLES = (
    "土家族", "苗族", "朝鲜族", "藏族", "羌族", "彝族", "布依族", "侗族", "哈尼族", "壮族", "傣族", "白族",
    "景颇族", "傈僳族", "回族", "蒙古族", "蒙古", "柯尔克孜", "哈萨克", "维吾尔", "满族", "畲族", "黎族",
    "瑶族", "仫佬族", "毛南族", "各族", "仡佬族", "水族", "纳西族", "拉祜族", "佤族", "布朗族", "独龙族",
    "怒族", "普米族", "土族", "撒拉族", "东乡族", "保安族", "裕固族", "哈萨克族", "塔吉克", "锡伯",
    "达斡尔族", "鄂温克族", "鄂伦春",
)  # fmt: skip
_KINDS = "特别行政区|自治区|自治州|自治县|自治旗|地区|林区|特区|新区|省|市|盟|区|县|旗"
_ENDING = re.compile(f"(?:{'|'.join(_PEOPLES)})*(?:{_KINDS})$")
_KIND = re.compile(f"(?:{_KINDS})$")
_SHORTEST = 2
# After a short name these make it part of another name, as in 长宁路, 朝阳北路 or 朝阳门.
_PART_OF_A_NAME = re.compile("[东南西北中新]{0,2}(?:大?[路街道]|大厦|[巷弄镇乡村门里桥河湖山站园])")
_SPACE = re.compile(r"[\s,，、;；/·-]+")
_COUNTRY = "中国"


class Finding(StrEnum):
    """What the check of an address came to."""

    FOUND = "found"
    AMBIGUOUS = "ambiguous"
    CONTRADICTORY = "contradictory"
    UNKNOWN = "unknown"
    NOT_CHINESE = "not_chinese"


@dataclass(frozen=True, slots=True)
class Division:
    """A province, city or district; names from the province down. code: GB/T 2260, six digits."""

    code: str
    names: tuple[str, ...]

    @property
    def label(self) -> str:
        """Its full name from the province down."""
        return "".join(self.names)


@dataclass(frozen=True, slots=True)
class Check:
    """The divisions an address may mean (one, when found) and, when found, what follows their names."""

    finding: Finding
    divisions: tuple[Division, ...] = ()
    rest: str = ""


@dataclass(frozen=True, slots=True)
class _Reading:
    """One way to read the beginning of an address: down to which division, up to which character.

    is_doubtful: a short name that begins another name, unless a division of it follows.
    """

    code: str
    end: int
    is_doubtful: bool


class Gazetteer:
    """Divisions by code: provinces end in 0000, cities in 00; districts of no city belong to the province."""

    def __init__(self, names: Mapping[str, str]) -> None:
        self._names = dict(names)
        self._by_first: dict[str, list[tuple[str, str, bool]]] = {}
        for code, name in self._names.items():
            for spelling, is_full in _spellings(name):
                self._by_first.setdefault(spelling[0], []).append((spelling, code, is_full))

    def check(self, address: str) -> Check:
        """Which division an address begins with, or why that cannot be said."""
        text = _SPACE.sub("", address).removeprefix(_COUNTRY)
        if not re.search("[\u4e00-\u9fff]", text):
            return Check(Finding.NOT_CHINESE)
        readings = self._readings(text)
        if not readings:
            return Check(Finding.UNKNOWN)
        best, end = self._likely(readings), max(reading.end for reading in readings)
        elsewhere = self._named_elsewhere(text[end:], best)
        if elsewhere:
            return Check(Finding.CONTRADICTORY, self._divisions([*best, *elsewhere]))
        if len(best) > 1:
            return Check(Finding.AMBIGUOUS, self._divisions(best))
        if best[0].endswith("0000") and not self._is_municipality(best[0]):
            return Check(Finding.UNKNOWN, self._divisions(best))
        return Check(Finding.FOUND, self._divisions(best), text[end:])

    def division(self, code: str) -> Division | None:
        """The division of a code."""
        return self._divisions([code])[0] if code in self._names else None

    def _readings(self, text: str) -> list[_Reading]:
        """All ways to read a beginning."""
        unfinished = self._starting(text, 0)
        finished = []
        while unfinished:
            reading = unfinished.pop()
            unfinished += [
                below
                for below in self._starting(text, reading.end)
                if self._is_below(below.code, reading.code) or self._is_again(text, below, reading)
            ]
            if not reading.is_doubtful:
                finished.append(reading)
        return finished

    def _starting(self, text: str, begin: int) -> list[_Reading]:
        """What the text there may name."""
        return [
            _Reading(
                code,
                begin + len(spelling),
                is_doubtful=not (is_full or code.endswith("0000"))
                and _PART_OF_A_NAME.match(text, begin + len(spelling)) is not None,
            )
            for spelling, code, is_full in self._by_first.get(text[begin : begin + 1], ())
            if text.startswith(spelling, begin)
        ]

    def _is_again(self, text: str, reading: _Reading, before: _Reading) -> bool:
        """The same full name twice, as in 上海市上海市."""
        return reading.code == before.code and text.startswith(self._names[before.code], before.end)

    def _likely(self, readings: Sequence[_Reading]) -> list[str]:
        """Of those that read the most: a province before all else, and what is not inside another of them."""
        end = max(reading.end for reading in readings)
        codes = sorted({reading.code for reading in readings if reading.end == end})
        provinces = [code for code in codes if code.endswith("0000")]
        return provinces or [
            code for code in codes if not any(self._is_below(code, other) for other in codes)
        ]

    def _named_elsewhere(self, rest: str, best: Sequence[str]) -> list[str]:
        """Cities and districts the address goes on with by full name that lie somewhere else."""
        return [
            code
            for spelling, code, is_full in self._by_first.get(rest[:1], ())
            if is_full
            and rest.startswith(spelling)
            and len(spelling) > _SHORTEST
            and not any(self._is_below(code, within) for within in best)
        ]

    def _is_below(self, code: str, above: str) -> bool:
        return code != above and above in self._chain(code)

    def _chain(self, code: str) -> list[str]:
        """The codes from the province down to this one."""
        above = [code[:2] + "0000", code[:4] + "00", code]
        return [one for n, one in enumerate(above) if one in self._names and one not in above[:n]]

    def _is_municipality(self, code: str) -> bool:
        return code in self._municipalities

    @cached_property
    def _municipalities(self) -> frozenset[str]:
        """Provinces without cities: their name is that of a city."""
        with_cities = {code[:2] for code in self._names if code.endswith("00") and not code.endswith("0000")}
        return frozenset(
            code for code in self._names if code.endswith("0000") and code[:2] not in with_cities
        )

    def _divisions(self, codes: Sequence[str]) -> tuple[Division, ...]:
        return tuple(Division(code, tuple(self._names[one] for one in self._chain(code))) for code in codes)


def _spellings(name: str) -> list[tuple[str, bool]]:
    """The full name, and the short one where that is still a name: without its kind and its peoples."""
    shorter = (_ENDING.sub("", name), _KIND.sub("", name))
    short = next((one for one in shorter if len(one) >= _SHORTEST), name)
    return [(name, True)] if short == name else [(name, True), (short, False)]
