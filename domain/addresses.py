"""Where an address is: what its check and a geocoder say of it, and how wrong it turned out to be."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from math import asin, cos, radians, sin, sqrt

from domain.gazetteer import Check, Division, Finding

Point = tuple[float, float]
"""Latitude and longitude, WGS-84 degrees."""
EARTH_RADIUS_M = 6_371_008.8


class Placing(StrEnum):
    """How an order came to the point it goes to, or why it has none (the last three)."""

    GIVEN = "given"
    LEARNED = "learned"
    CHOSEN = "chosen"
    GEOCODED = "geocoded"
    PENDING = "pending"
    UNPLACED = "unplaced"
    REVIEW = "review"


@dataclass(frozen=True, slots=True)
class AddressRule:
    """An address counts as wrong when the delivery was farther away than this; target: the share allowed."""

    error_m: float = 500.0
    target: float = 0.05


@dataclass(frozen=True, slots=True)
class Place:
    """A place an address may mean; point None: only its division is known."""

    label: str
    point: Point | None = None


@dataclass(frozen=True, slots=True)
class Placed:
    """What became of an address. division: the code of the smallest one it names."""

    placing: Placing
    reason: str | None = None
    division: str | None = None
    point: Point | None = None
    candidates: tuple[Place, ...] = ()


_WHY_REVIEW = {
    Finding.AMBIGUOUS: "the address fits several places",
    Finding.CONTRADICTORY: "the address names places that do not lie in each other",
    Finding.UNKNOWN: "the address names no city we know",
}


def place(address: str, given: Point | None, learned: Point | None, check: Callable[[str], Check]) -> Placed:
    """Place an address as far as can be done at once: given coordinates win, then what deliveries taught.

    What is neither known nor in doubt is left to the geocoder (pending).
    """
    found = check(address)
    division = found.divisions[0].code if found.finding is Finding.FOUND else None
    if given is not None:
        return Placed(Placing.GIVEN, division=division, point=given)
    if learned is not None:
        return Placed(Placing.LEARNED, division=division, point=learned)
    if found.finding in _WHY_REVIEW:
        candidates = tuple(Place(one.label) for one in found.divisions)
        return Placed(Placing.REVIEW, _WHY_REVIEW[found.finding], candidates=candidates)
    return Placed(Placing.PENDING, "the geocoder has not been asked yet", division)


def judge(places: Sequence[Place], division: Division | None, rule: AddressRule) -> Placed:
    """What a geocoder's answers come to: those in the address's own city count, where there are any.

    Answers within the distance an address may be wrong by are one place.
    """
    code = None if division is None else division.code
    # Geocoders write a city with and without its kind; two characters tell Chinese cities apart.
    city = None if division is None else division.names[:2][-1][:2]
    own = [one for one in places if city is not None and city in one.label] or list(places)
    points = [one.point for one in own if one.point is not None]
    if not points:
        return Placed(Placing.UNPLACED, "the geocoder knows no such place", code)
    if all(distance_m(points[0], point) <= rule.error_m for point in points):
        return Placed(Placing.GEOCODED, division=code, point=points[0])
    return Placed(Placing.REVIEW, "the geocoder knows several such places", code, candidates=tuple(own))


class NoEta(StrEnum):
    """Why an order has no estimate of its arrival."""

    ADDRESS_REVIEW = "address_review"
    NO_POINT = "no_point"
    NO_TRIP = "no_trip"
    NO_ESTIMATE_YET = "no_estimate_yet"


def why_no_eta(*, has_eta: bool, is_closed: bool, has_trip: bool, placing: Placing | None) -> NoEta | None:
    """Why there is no estimate for the destination; None where there is one, or none is needed any more."""
    if has_eta or is_closed:
        return None
    if placing is Placing.REVIEW:
        return NoEta.ADDRESS_REVIEW
    if placing in (Placing.PENDING, Placing.UNPLACED):
        return NoEta.NO_POINT
    return NoEta.NO_ESTIMATE_YET if has_trip else NoEta.NO_TRIP


def normal_form(address: str) -> str:
    """One spelling for addresses that differ in spaces, punctuation, width and case only."""
    return re.sub(r"[\W_]+", "", unicodedata.normalize("NFKC", address).casefold())


def distance_m(here: Point, there: Point) -> float:
    """Great-circle distance (haversine)."""
    lat1, lon1, lat2, lon2 = map(radians, (*here, *there))
    chord = sin((lat2 - lat1) / 2) ** 2 + cos(lat1) * cos(lat2) * sin((lon2 - lon1) / 2) ** 2
    return 2 * EARTH_RADIUS_M * asin(sqrt(chord))
