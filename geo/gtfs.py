"""Trips of a GTFS feed (https://gtfs.org/schedule/reference): their shapes, stops and times on a day."""

from __future__ import annotations

import csv
import io
import zipfile
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import TextIO, TypeVar
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from geo.distance import haversine_m

Value = TypeVar("Value")
_WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_ADDED, _REMOVED = "1", "2"


class GtfsError(ValueError):
    """A feed that cannot be used: the file, the row (its line in the file), and what is wrong there."""

    def __init__(self, file: str, line: int | None, reason: str) -> None:
        super().__init__(f"{file}{'' if line is None else f', row {line}'}: {reason}")


@dataclass(frozen=True, slots=True)
class GtfsStop:
    """A stop of a trip; arrives_s and departs_s count from noon less 12 hours on the service day."""

    stop_id: str
    name: str
    lat: float
    lon: float
    arrives_s: float
    departs_s: float


@dataclass(frozen=True, slots=True)
class GtfsTrip:
    """A trip with its route polyline (degrees): its shape, or straight lines from stop to stop."""

    trip_id: str
    label: str
    block_id: str
    lats: tuple[float, ...]
    lons: tuple[float, ...]
    stops: tuple[GtfsStop, ...]


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which trips to read: those of a day, of these ids, of a block, of a route; None: any."""

    day: date
    trip_ids: frozenset[str] | None = None
    block_id: str | None = None
    route_id: str | None = None


@dataclass(frozen=True, slots=True)
class Timetable:
    """The trips of a day by their first departure, in the agency's zone."""

    day: date
    zone: ZoneInfo
    trips: tuple[GtfsTrip, ...]

    def at(self, seconds: float) -> datetime:
        """The moment of a stop's time: so many seconds after noon less 12 hours (midnight, most days)."""
        noon = datetime.combine(self.day, time(12), self.zone).astimezone(UTC)
        return noon + timedelta(seconds=seconds) - timedelta(hours=12)


@dataclass(frozen=True, slots=True)
class _Row:
    """A record of a file, with its line."""

    file: str
    line: int
    fields: Mapping[str, str]

    def text(self, name: str) -> str:
        value = self.fields.get(name, "").strip()
        if not value:
            raise self.wrong(f"{name} is missing")
        return value

    def read(self, name: str, reader: Callable[[str], Value], what: str) -> Value:
        value = self.text(name)
        try:
            return reader(value)
        except ValueError as exc:
            raise self.wrong(f"{name} is {value!r}, which is not {what}") from exc

    def place(self, kind: str) -> tuple[float, float]:
        lat = self.read(f"{kind}_lat", float, "a latitude")
        lon = self.read(f"{kind}_lon", float, "a longitude")
        if not (-90.0 <= lat <= 90.0 and -180.0 <= lon <= 180.0):
            raise self.wrong(f"latitude {lat}, longitude {lon} is no place on Earth")
        return lat, lon

    def time(self, name: str) -> float | None:
        if not self.fields.get(name, "").strip():
            return None
        return self.read(name, _seconds, "a time as HH:MM:SS")

    def wrong(self, reason: str) -> GtfsError:
        return GtfsError(self.file, self.line, reason)


class _Feed:
    """The files of a feed: a zip archive, or a folder."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._archive: zipfile.ZipFile | None = None
        if not path.exists():
            raise GtfsError(str(path), None, "there is no such file or folder")
        if not path.is_dir():
            try:
                self._archive = zipfile.ZipFile(path)
            except (zipfile.BadZipFile, OSError) as exc:
                raise GtfsError(path.name, None, "this is neither a zip archive nor a folder") from exc

    def close(self) -> None:
        if self._archive is not None:
            self._archive.close()

    def has(self, file: str) -> bool:
        if self._archive is not None:
            return file in self._archive.namelist()
        return (self._path / file).is_file()

    def rows(self, file: str, *columns: str) -> Iterator[_Row]:
        """The records of a file that must have these columns."""
        if not self.has(file):
            raise GtfsError(file, None, "the feed has no such file")
        with self._open(file) as text:
            reader = csv.DictReader(text, restval="")
            try:
                missing = [name for name in columns if name not in (reader.fieldnames or ())]
                if missing:
                    raise GtfsError(file, 1, f"there is no column {missing[0]}")
                for record in reader:
                    if None in record:
                        raise GtfsError(file, reader.line_num, "there are more fields than columns")
                    yield _Row(file, reader.line_num, record)
            except (csv.Error, UnicodeDecodeError) as exc:
                raise GtfsError(file, reader.line_num, f"this is not CSV in UTF-8: {exc}") from exc
            except (zipfile.BadZipFile, OSError, EOFError) as exc:
                raise GtfsError(file, None, f"this cannot be read: {exc}") from exc

    def _open(self, file: str) -> TextIO:
        raw = self._archive.open(file) if self._archive is not None else (self._path / file).open("rb")
        return io.TextIOWrapper(raw, encoding="utf-8-sig", newline="")


def read_timetable(path: Path, wanted: Wanted) -> Timetable:
    """Read the wanted trips of a feed, a zip archive or a folder. Raises GtfsError naming file and row.

    Of a stop without times the times are those between its neighbours', by the distance between the stops.
    Trips that frequencies.txt repeats are refused.
    """
    feed = _Feed(path)
    try:
        zone = _zone(feed)
        heads = _heads(feed, wanted, _services(feed, wanted.day))
        shapes = _shapes(feed, {head.fields.get("shape_id", "").strip() for head in heads.values()})
        calls = _calls(feed, heads)
        places = _places(feed, calls)
        trips = [_trip(head, calls[trip_id], places, shapes) for trip_id, head in heads.items()]
    finally:
        feed.close()
    in_order = sorted(trips, key=lambda trip: (trip.stops[0].departs_s, trip.trip_id))
    return Timetable(wanted.day, zone, tuple(in_order))


def _zone(feed: _Feed) -> ZoneInfo:
    for row in feed.rows("agency.txt", "agency_timezone"):
        name = row.text("agency_timezone")
        try:
            return ZoneInfo(name)
        except (ZoneInfoNotFoundError, ValueError) as exc:
            raise row.wrong(f"there is no time zone {name!r}") from exc
    raise GtfsError("agency.txt", None, "there is no agency")


def _services(feed: _Feed, day: date) -> set[str]:
    """The services that run on a day."""
    running: set[str] = set()
    if feed.has("calendar.txt"):
        for row in feed.rows("calendar.txt", "service_id", "start_date", "end_date", *_WEEKDAYS):
            first, last = row.read("start_date", _day, "a date"), row.read("end_date", _day, "a date")
            if first <= day <= last and row.text(_WEEKDAYS[day.weekday()]) == "1":
                running.add(row.text("service_id"))
    if feed.has("calendar_dates.txt"):
        for row in feed.rows("calendar_dates.txt", "service_id", "date", "exception_type"):
            if row.read("date", _day, "a date") != day:
                continue
            change = row.text("exception_type")
            if change not in (_ADDED, _REMOVED):
                raise row.wrong(f"exception_type is {change!r}, which is neither 1 nor 2")
            (running.add if change == _ADDED else running.discard)(row.text("service_id"))
    return running


def _heads(feed: _Feed, wanted: Wanted, services: set[str]) -> dict[str, _Row]:
    """The rows of the wanted trips."""
    heads: dict[str, _Row] = {}
    known: set[str] = set()
    for row in feed.rows("trips.txt", "trip_id", "route_id", "service_id"):
        trip_id = row.text("trip_id")
        if trip_id in known:
            raise row.wrong(f"trip {trip_id} is there twice")
        known.add(trip_id)
        fits = (
            row.text("service_id") in services
            and (wanted.trip_ids is None or trip_id in wanted.trip_ids)
            and wanted.block_id in (None, row.fields.get("block_id", "").strip())
            and wanted.route_id in (None, row.text("route_id"))
        )
        if fits:
            heads[trip_id] = row
    unknown = sorted((wanted.trip_ids or frozenset()) - known)
    if unknown:
        raise GtfsError("trips.txt", None, f"there is no trip {unknown[0]}")
    if not heads:
        raise GtfsError("trips.txt", None, f"none of the trips asked for runs on {wanted.day}")
    if feed.has("frequencies.txt"):
        for row in feed.rows("frequencies.txt", "trip_id"):
            if row.text("trip_id") in heads:
                raise row.wrong(f"trip {row.text('trip_id')} is repeated by headway, which is not supported")
    return heads


def _shapes(feed: _Feed, shape_ids: set[str]) -> dict[str, tuple[tuple[float, float], ...]]:
    """The points (latitude, longitude) of shapes, without repeated neighbours."""
    wanted = shape_ids - {""}
    points: dict[str, list[tuple[int, tuple[float, float]]]] = defaultdict(list)
    if wanted:
        for row in feed.rows("shapes.txt", "shape_id", "shape_pt_sequence", "shape_pt_lat", "shape_pt_lon"):
            if row.text("shape_id") in wanted:
                place = row.read("shape_pt_sequence", int, "a whole number")
                points[row.text("shape_id")].append((place, row.place("shape_pt")))
    for shape_id in sorted(wanted - points.keys()):
        raise GtfsError("shapes.txt", None, f"there is no shape {shape_id}, which trips.txt names")
    return {shape_id: _without_repeats([at for _, at in sorted(rows)]) for shape_id, rows in points.items()}


def _calls(feed: _Feed, trip_ids: Mapping[str, _Row]) -> dict[str, list[_Row]]:
    """The rows of stop_times.txt of trips, in the order of their stops."""
    calls: dict[str, dict[int, _Row]] = defaultdict(dict)
    for row in feed.rows(
        "stop_times.txt", "trip_id", "stop_id", "stop_sequence", "arrival_time", "departure_time"
    ):
        trip_id = row.text("trip_id")
        if trip_id not in trip_ids:
            continue
        place = row.read("stop_sequence", int, "a whole number")
        if place in calls[trip_id]:
            raise row.wrong(f"trip {trip_id} has two stops of sequence {place}")
        calls[trip_id][place] = row
    for trip_id, head in trip_ids.items():
        if len(calls[trip_id]) < 2:
            raise head.wrong(f"trip {trip_id} has fewer than two stops in stop_times.txt")
    return {trip_id: [rows[place] for place in sorted(rows)] for trip_id, rows in calls.items()}


def _places(feed: _Feed, calls: Mapping[str, Sequence[_Row]]) -> dict[str, tuple[str, float, float]]:
    """Name, latitude and longitude of the stops called at."""
    wanted = {row.text("stop_id"): row for rows in calls.values() for row in rows}
    places: dict[str, tuple[str, float, float]] = {}
    for row in feed.rows("stops.txt", "stop_id", "stop_lat", "stop_lon"):
        stop_id = row.text("stop_id")
        if stop_id in wanted:
            places[stop_id] = (row.fields.get("stop_name", "").strip() or stop_id, *row.place("stop"))
    for stop_id, row in wanted.items():
        if stop_id not in places:
            raise row.wrong(f"stops.txt has no stop {stop_id}")
    return places


def _trip(
    head: _Row,
    calls: Sequence[_Row],
    places: Mapping[str, tuple[str, float, float]],
    shapes: Mapping[str, tuple[tuple[float, float], ...]],
) -> GtfsTrip:
    stops = _timed(calls, [places[row.text("stop_id")] for row in calls])
    shape_id = head.fields.get("shape_id", "").strip()
    line = shapes[shape_id] if shape_id else _without_repeats([(stop.lat, stop.lon) for stop in stops])
    if len(line) < 2:
        raise head.wrong("the trip's route has no length")
    names = (head.text("route_id"), head.fields.get("trip_headsign", "").strip(), head.text("trip_id"))
    return GtfsTrip(
        trip_id=head.text("trip_id"),
        label=" ".join(name for name in names if name)[:200],
        block_id=head.fields.get("block_id", "").strip(),
        lats=tuple(lat for lat, _ in line),
        lons=tuple(lon for _, lon in line),
        stops=stops,
    )


def _timed(calls: Sequence[_Row], places: Sequence[tuple[str, float, float]]) -> tuple[GtfsStop, ...]:
    """The stops with their times, those in between filled in."""
    arrivals = [row.time("arrival_time") for row in calls]
    departures = [row.time("departure_time") for row in calls]
    times = [
        (arrives if arrives is not None else departs, departs if departs is not None else arrives)
        for arrives, departs in zip(arrivals, departures, strict=True)
    ]
    for row, (arrives, departs) in ((calls[0], times[0]), (calls[-1], times[-1])):
        if arrives is None or departs is None:
            raise row.wrong("the first and the last stop of a trip need a time")
    left = 0.0
    for row, (arrives, departs) in zip(calls, times, strict=True):
        if arrives is not None and departs is not None:
            if not left <= arrives <= departs:
                raise row.wrong("the times run backwards")
            left = departs
    _, lats, lons = (list(column) for column in zip(*places, strict=True))
    steps_m = haversine_m(lats[:-1], lons[:-1], lats[1:], lons[1:]).tolist()
    stops: list[GtfsStop] = []
    for place, (row, (name, lat, lon)) in enumerate(zip(calls, places, strict=True)):
        arrives, departs = times[place]
        if arrives is None or departs is None:
            arrives = departs = _between(times, steps_m, place)
            times[place] = (arrives, departs)
        stops.append(GtfsStop(row.text("stop_id"), name, lat, lon, arrives, departs))
    return tuple(stops)


def _between(
    times: Sequence[tuple[float | None, float | None]], steps_m: Sequence[float], place: int
) -> float:
    """The time of a stop without one, on the way from the one before to the next that has one."""
    following = next(n for n in range(place + 1, len(times)) if times[n][0] is not None)
    left, reached = times[place - 1][1] or 0.0, times[following][0] or 0.0
    way_m = sum(steps_m[place - 1 : following])
    share = steps_m[place - 1] / way_m if way_m > 0.0 else 1.0 / (following - place + 1)
    return left + share * (reached - left)


def _without_repeats(points: Sequence[tuple[float, float]]) -> tuple[tuple[float, float], ...]:
    return tuple(point for n, point in enumerate(points) if n == 0 or point != points[n - 1])


def _seconds(text: str) -> float:
    hours, minutes, seconds = (int(part) for part in text.split(":"))
    if not (0 <= hours <= 240 and 0 <= minutes < 60 and 0 <= seconds < 60):
        raise ValueError(text)
    return float(hours * 3600 + minutes * 60 + seconds)


def _day(text: str) -> date:
    if len(text) != 8:
        raise ValueError(text)
    return date.fromisoformat(text)
