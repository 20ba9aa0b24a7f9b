from __future__ import annotations

import pytest

from domain.addresses import AddressRule as Rule
from domain.addresses import NoEta, Place, Placing, distance_m, judge, normal_form, place, why_no_eta
from domain.gazetteer import Finding
from geo.divisions import china

GULOU = ["江苏省南京市鼓楼区", "江苏省徐州市鼓楼区"]


@pytest.mark.parametrize(
    ("address", "division", "rest"),
    [
        ("江苏省苏州市姑苏区观前街1号", "江苏省苏州市姑苏区", "观前街1号"),
        ("苏州姑苏观前街1号", "江苏省苏州市姑苏区", "观前街1号"),
        ("上海 浦东新区 张江", "上海市浦东新区", "张江"),
        ("上海市上海市浦东新区世纪大道", "上海市浦东新区", "世纪大道"),
        ("中国江苏省昆山市前进路", "江苏省苏州市昆山市", "前进路"),
        ("内蒙古呼和浩特新城区", "内蒙古自治区呼和浩特市新城区", ""),
        ("恩施恩施市舞阳坝", "湖北省恩施土家族苗族自治州恩施市", "舞阳坝"),
        ("广东省东莞市虎门镇", "广东省东莞市", "虎门镇"),
        ("浙江杭州西湖", "浙江省杭州市西湖区", ""),
        # What only looks like a district is the name of a street or a gate.
        ("上海市长宁路1号", "上海市", "长宁路1号"),
        ("苏州吴中大道", "江苏省苏州市", "吴中大道"),
        ("北京市朝阳门外大街", "北京市", "朝阳门外大街"),
        ("吉林市船营区", "吉林省吉林市船营区", ""),
        ("海南藏族自治州共和县", "青海省海南藏族自治州共和县", ""),
    ],
)
def test_full_and_short_names_are_found(address: str, division: str, rest: str) -> None:
    check = china().check(address)
    assert (check.finding, [one.label for one in check.divisions]) == (Finding.FOUND, [division])
    assert check.rest == rest


@pytest.mark.parametrize(
    ("address", "finding", "first"),
    [
        ("江苏鼓楼区中山路1号", Finding.AMBIGUOUS, GULOU),
        ("朝阳区建国路", Finding.AMBIGUOUS, ["北京市朝阳区", "吉林省长春市朝阳区"]),
        ("江苏省杭州市西湖区", Finding.CONTRADICTORY, ["江苏省", "浙江省杭州市"]),
        ("江苏省", Finding.UNKNOWN, ["江苏省"]),
        ("火星路3号", Finding.UNKNOWN, []),
        ("1 Main Street", Finding.NOT_CHINESE, []),
        ("", Finding.NOT_CHINESE, []),
    ],
)
def test_what_is_not_clear_is_not_guessed(address: str, finding: Finding, first: list[str]) -> None:
    check = china().check(address)
    assert (check.finding, [one.label for one in check.divisions]) == (finding, first)


def test_every_city_and_district_is_found_by_its_full_name() -> None:
    gazetteer = china()
    codes = [f"{n:06d}" for n in range(110_000, 830_000)]
    known = [one for one in map(gazetteer.division, codes) if one is not None]
    lost = [one for one in known if gazetteer.check(f"{one.label}人民路1号").divisions != (one,)]
    assert len(known) > 3000
    assert lost == []


SUZHOU = (31.3, 120.6)
NEAR = (31.301, 120.601)
FAR = (31.4, 120.6)
RULE = Rule()


def test_given_coordinates_win_then_what_was_learned() -> None:
    check = china().check
    assert place("江苏鼓楼区中山路", SUZHOU, FAR, check).placing is Placing.GIVEN
    learned = place("江苏鼓楼区中山路", None, FAR, check)
    assert (learned.placing, learned.point) == (Placing.LEARNED, FAR)
    doubtful = place("江苏鼓楼区中山路", None, None, check)
    assert (doubtful.placing, [one.label for one in doubtful.candidates]) == (Placing.REVIEW, GULOU)
    clear = place("苏州姑苏观前街", None, None, check)
    assert (clear.placing, clear.division) == (Placing.PENDING, "320508")


def test_answers_close_together_are_one_place_and_others_candidates() -> None:
    assert distance_m(SUZHOU, NEAR) == pytest.approx(146.3, abs=0.5)
    here, there = Place("观前街, 苏州市", SUZHOU), Place("观前街, 苏州市", NEAR)
    assert judge([here, there], None, RULE).point == SUZHOU
    several = judge([here, Place("观前街, 昆山市", FAR)], None, RULE)
    assert (several.placing, len(several.candidates)) == (Placing.REVIEW, 2)
    division = china().division("320508")
    assert judge([Place("观前街, 昆山市", FAR), here], division, RULE).point == SUZHOU
    assert judge([], division, RULE).placing is Placing.UNPLACED


def test_one_spelling_for_addresses_that_read_alike() -> None:
    assert normal_form("苏州市 姑苏区,观前街１号 A座") == normal_form("苏州市姑苏区观前街1号a座")


def test_why_there_is_no_estimate() -> None:
    def why(placing: Placing | None, *, has_trip: bool = False) -> NoEta | None:
        return why_no_eta(has_eta=False, is_closed=False, has_trip=has_trip, placing=placing)

    assert why(Placing.REVIEW) is NoEta.ADDRESS_REVIEW
    assert why(Placing.UNPLACED, has_trip=True) is NoEta.NO_POINT
    assert why(None) is NoEta.NO_TRIP
    assert why(Placing.GIVEN, has_trip=True) is NoEta.NO_ESTIMATE_YET
    assert why_no_eta(has_eta=True, is_closed=False, has_trip=True, placing=Placing.REVIEW) is None
