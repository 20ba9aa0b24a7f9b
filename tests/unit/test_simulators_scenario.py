"""A scenario repeats by its seed, and its first minute has something to show."""

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import pytest

from simulators.places import PLACES, shortest_way
from simulators.roads import Point, haversine_m
from simulators.scenario import Opening, Scenario, Trip, build_scenario
from simulators.sites import all_sites
from simulators.timeline import Fact, facts_of


@pytest.fixture(scope="module")
def scenario() -> Scenario:
    return build_scenario(seed=5, vehicles=8, run="t")


@pytest.fixture(scope="module")
def trips(scenario: Scenario) -> dict[Opening, Trip]:
    """The first trip of the first eight vehicles: one for each opening."""
    return {vehicle.opening: scenario.first_trip(vehicle) for vehicle in scenario.vehicles}


def facts(scenario: Scenario, trip: Trip) -> list[Fact]:
    return facts_of(scenario, trip, interval_s=2.0)


def position(fields: dict[str, Any]) -> Point:
    return Point(fields["lat"], fields["lon"])


def test_a_seed_repeats_vehicles_trips_and_facts(scenario: Scenario) -> None:
    again = build_scenario(seed=5, vehicles=8, run="t")

    assert again == scenario
    for vehicle in scenario.vehicles[:3]:
        assert facts(again, again.first_trip(vehicle)) == facts(scenario, scenario.first_trip(vehicle))


def test_another_seed_drives_differently(scenario: Scenario) -> None:
    other = build_scenario(seed=6, vehicles=8, run="t")

    assert other.first_trip(other.vehicles[0]).drive != scenario.first_trip(scenario.vehicles[0]).drive


def test_every_town_can_be_reached_by_road() -> None:
    for town in PLACES:
        assert shortest_way("suzhou", town)[-1] == PLACES[town].point


def test_a_route_leads_over_its_sites_in_short_steps(trips: dict[Opening, Trip]) -> None:
    for trip in trips.values():
        assert max(haversine_m(a, b) for a, b in pairwise(trip.route.points)) < 700
        for stop in trip.stops:
            assert haversine_m(trip.route.point_at(stop.distance_m), stop.site.point) < 1


def test_names_fit_a_topic(scenario: Scenario) -> None:
    names = [scenario.site_scanner(site) for site in all_sites()]
    names += [name for vehicle in scenario.vehicles for name in (vehicle.tracker, vehicle.scanner)]

    assert len(set(names)) == len(names)
    assert all(name.replace("-", "").isalnum() and name.isascii() and len(name) <= 64 for name in names)


@pytest.mark.parametrize(
    ("opening", "event"),
    [
        (Opening.DEPARTING, lambda trip: trip.drive.departures_s[0]),
        (Opening.REACHING_HUB, lambda trip: trip.drive.arrivals_s[1]),
        (Opening.LEAVING_HUB, lambda trip: trip.drive.departures_s[1]),
        (Opening.DELIVERING, lambda trip: trip.drive.arrivals_s[-1]),
    ],
)
def test_an_opening_happens_in_the_first_minute(
    trips: dict[Opening, Trip], opening: Opening, event: Callable[[Trip], float]
) -> None:
    trip = trips[opening]

    assert 0 < trip.began_s + event(trip) < 60


def test_the_late_truck_is_still_far_away_when_its_promise_passes(trips: dict[Opening, Trip]) -> None:
    trip = trips[Opening.LATE]

    assert trip.orders
    assert all(0 < order.promised_s < 60 for order in trip.orders)
    assert trip.began_s + trip.drive.arrivals_s[-1] > 900


def test_the_silent_truck_was_last_heard_under_way_over_15_minutes_ago(
    scenario: Scenario, trips: dict[Opening, Trip]
) -> None:
    trip = trips[Opening.SILENT]
    last_s = max(fact.at_s for fact in facts(scenario, trip))

    assert last_s < -900
    assert trip.began_s + trip.drive.departures_s[-2] < last_s < 0 < trip.began_s + trip.drive.arrivals_s[-1]


def test_packages_are_scanned_in_the_order_of_their_journey(
    scenario: Scenario, trips: dict[Opening, Trip]
) -> None:
    trip = trips[Opening.DELIVERING]
    expected = ["pick", "pack", "load", "hub_in", "unload", "load", "hub_out", "out_for_delivery", "deliver"]

    for order in trip.orders:
        for code in order.package_codes:
            scans = [fact.fields for fact in facts(scenario, trip) if fact.fields.get("code") == code]
            assert [scan["action"] for scan in scans] == expected


def test_a_truck_reports_from_inside_a_site_while_it_stands_there(
    scenario: Scenario, trips: dict[Opening, Trip]
) -> None:
    trip = trips[Opening.REACHING_HUB]
    hub = trip.stops[1].site
    arrival_s, departure_s = (trip.began_s + s[1] for s in (trip.drive.arrivals_s, trip.drive.departures_s))
    standing = [
        fact.fields
        for fact in facts(scenario, trip)
        if fact.topic == "gps" and arrival_s + 1 < fact.at_s < departure_s - 1
    ]

    assert len(standing) > 20
    for fields in standing:
        assert haversine_m(position(fields), hub.point) < 60
        assert "heading_deg" not in fields
    assert len({position(fields) for fields in standing}) > 20, "a real receiver jitters"


def test_after_a_delivery_the_truck_drives_back_and_out_again(scenario: Scenario) -> None:
    first = scenario.first_trip(scenario.vehicles[2])
    back = scenario.next_trip(first)
    out = scenario.next_trip(back)

    assert (back.stops[0].site, back.stops[-1].site) == (first.stops[-1].site, first.stops[0].site)
    assert back.orders == ()
    assert out.orders
    assert first.active_to_s == back.active_from_s == back.began_s
    assert {order.number for order in out.orders}.isdisjoint(order.number for order in first.orders)
