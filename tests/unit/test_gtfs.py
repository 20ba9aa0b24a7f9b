"""Trips read from GTFS feeds, and feeds that are wrong."""

from __future__ import annotations

import zipfile
from collections.abc import Mapping
from datetime import date
from pathlib import Path

import pytest
from company import utc

from geo.gtfs import GtfsError, Timetable, Wanted, read_timetable

SUNDAY = date(2026, 11, 1)
"""The day New York's clocks go back."""
FEED = {
    "agency.txt": "agency_name,agency_timezone\nMTA,America/New_York\n",
    "calendar.txt": "service_id,monday,tuesday,wednesday,thursday,friday,saturday,sunday,"
    "start_date,end_date\n"
    "SUN,0,0,0,0,0,0,1,20261001,20261130\nWKD,1,1,1,1,1,0,0,20261001,20261130\n",
    "trips.txt": "route_id,service_id,trip_id,trip_headsign,block_id,shape_id\n"
    "B63,SUN,late,Bay Ridge,7,S1\nB63,SUN,early,Bay Ridge,7,\nB63,WKD,weekday,Bay Ridge,8,S1\n",
    "stops.txt": "stop_id,stop_name,stop_lat,stop_lon\n"
    "A,Pier 6,40.00,-74.0\nB,5 Av,40.01,-74.0\nC,Shore,40.04,-74.0\n",
    "shapes.txt": "shape_id,shape_pt_sequence,shape_pt_lat,shape_pt_lon\n"
    "S1,2,40.02,-74.0\nS1,1,40.00,-74.0\nS1,3,40.02,-74.0\nS1,4,40.04,-74.0\n",
    "stop_times.txt": "trip_id,stop_sequence,stop_id,arrival_time,departure_time\n"
    "late,1,A,24:10:00,24:10:00\nlate,5,B,,\nlate,9,C,24:50:00,24:51:00\n"
    "early,2,C,09:00:00,09:00:00\nearly,1,A,08:00:00,08:00:30\n"
    "weekday,1,A,08:00:00,08:00:00\nweekday,2,C,09:00:00,09:00:00\n",
}


def read(folder: Path, files: Mapping[str, str] = FEED, **wanted: object) -> Timetable:
    for name, text in files.items():
        (folder / name).write_text(text, encoding="utf-8-sig")
    return read_timetable(folder, Wanted(**{"day": SUNDAY, **wanted}))  # type: ignore[arg-type]


def test_the_trips_of_a_day_come_with_shape_stops_and_times(tmp_path: Path) -> None:
    timetable = read(tmp_path)
    early, late = timetable.trips
    assert (early.trip_id, early.label, early.block_id) == ("early", "B63 Bay Ridge early", "7")
    assert early.lats == (40.0, 40.04), "without a shape straight from stop to stop"
    assert late.lats == (40.0, 40.02, 40.04), "in order, without repeated points"
    assert [stop.name for stop in late.stops] == ["Pier 6", "5 Av", "Shore"]
    assert late.stops[2].departs_s - late.stops[2].arrives_s == 60.0


def test_a_stop_without_a_time_gets_one_by_its_distance(tmp_path: Path) -> None:
    late = read(tmp_path).trips[1]
    assert late.stops[1].arrives_s == pytest.approx(24 * 3600 + 600 + 2400 / 4, abs=0.5)


def test_times_count_from_noon_less_twelve_hours_in_the_agencys_zone(tmp_path: Path) -> None:
    timetable = read(tmp_path)
    assert timetable.at(timetable.trips[0].stops[0].departs_s) == utc("2026-11-01T13:00:30")
    assert timetable.at(timetable.trips[1].stops[0].departs_s) == utc("2026-11-02T05:10:00")


def test_trips_are_chosen_by_day_block_route_and_id(tmp_path: Path) -> None:
    assert [trip.trip_id for trip in read(tmp_path, trip_ids=frozenset({"late"})).trips] == ["late"]
    assert [trip.trip_id for trip in read(tmp_path, day=date(2026, 11, 2)).trips] == ["weekday"]
    assert len(read(tmp_path, block_id="7", route_id="B63").trips) == 2


def test_exceptions_add_and_remove_services(tmp_path: Path) -> None:
    dates = "service_id,date,exception_type\nSUN,20261101,2\nWKD,20261101,1\nWKD,20261108,1\n"
    found = read(tmp_path, {**FEED, "calendar_dates.txt": dates})
    assert [trip.trip_id for trip in found.trips] == ["weekday"]


def test_a_zip_archive_is_read_as_a_folder_is(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "feed.zip", "w") as archive:
        for name, text in FEED.items():
            archive.writestr(name, text.replace("\n", "\r\n"))
    assert read_timetable(tmp_path / "feed.zip", Wanted(SUNDAY)).trips == read(tmp_path).trips


@pytest.mark.parametrize(
    ("file", "before", "after", "said"),
    [
        (
            "agency.txt",
            "America/New_York",
            "Moon/Base",
            r"agency.txt, row 2: there is no time zone 'Moon/Base'",
        ),
        ("calendar.txt", "20261001,20261130\nWKD", "soon,20261130\nWKD", "calendar.txt, row 2: start_date"),
        ("trips.txt", "trip_headsign", "trip_id", "trips.txt"),
        ("trips.txt", "early,Bay", "late,Bay", "trips.txt, row 3: trip late is there twice"),
        ("trips.txt", "7,S1", "7,S2", "shapes.txt: there is no shape S2"),
        ("stops.txt", "40.01", "north", "stops.txt, row 3: stop_lat is 'north', which is not a latitude"),
        ("stops.txt", "40.01", "140.01", "stops.txt, row 3: latitude 140.01, longitude -74.0 is no place"),
        ("stops.txt", "40.01", "nan", "stops.txt, row 3: latitude nan"),
        ("stops.txt", "B,5 Av,40.01,-74.0\n", "", "stop_times.txt, row 3: stops.txt has no stop B"),
        ("stops.txt", "stop_lat", "lat", "stops.txt, row 1: there is no column stop_lat"),
        ("stops.txt", "B,5 Av", "B,5 Av,x,y", "stops.txt, row 3: there are more fields than columns"),
        ("stop_times.txt", "24:50:00", "24:61:00", "stop_times.txt, row 4: arrival_time is '24:61:00'"),
        ("stop_times.txt", "24:50:00", "23:50:00", "stop_times.txt, row 4: the times run backwards"),
        ("stop_times.txt", "24:10:00,24:10:00", ",", "stop_times.txt, row 2: the first and the last stop"),
        (
            "stop_times.txt",
            "late,5",
            "late,1",
            "stop_times.txt, row 3: trip late has two stops of sequence 1",
        ),
        ("stop_times.txt", "late,5", "late,five", "stop_times.txt, row 3: stop_sequence is 'five'"),
        (
            "stop_times.txt",
            "early,2,C,09:00:00,09:00:00\n",
            "",
            "trips.txt, row 3: trip early has fewer than two",
        ),
    ],
)
def test_a_bad_feed_is_refused_by_file_and_row(
    tmp_path: Path, file: str, before: str, after: str, said: str
) -> None:
    assert before in FEED[file]
    with pytest.raises(GtfsError, match=said):
        read(tmp_path, {**FEED, file: FEED[file].replace(before, after, 1)})


def test_a_missing_file_an_unknown_trip_and_a_day_without_service_are_told(tmp_path: Path) -> None:
    with pytest.raises(GtfsError, match=r"trips.txt: there is no trip ghost"):
        read(tmp_path, trip_ids=frozenset({"ghost"}))
    with pytest.raises(GtfsError, match="none of the trips asked for runs on 2030-01-06"):
        read(tmp_path, day=date(2030, 1, 6))
    (tmp_path / "shapes.txt").unlink()
    with pytest.raises(GtfsError, match=r"shapes.txt: the feed has no such file"):
        read_timetable(tmp_path, Wanted(SUNDAY))
    with pytest.raises(GtfsError, match="no such file or folder"):
        read_timetable(tmp_path / "nowhere.zip", Wanted(SUNDAY))
    (tmp_path / "text.zip").write_text("not an archive")
    with pytest.raises(GtfsError, match="neither a zip archive nor a folder"):
        read_timetable(tmp_path / "text.zip", Wanted(SUNDAY))


def test_what_is_not_utf_8_and_trips_by_headway_are_refused(tmp_path: Path) -> None:
    read(tmp_path)
    (tmp_path / "frequencies.txt").write_text("trip_id,start_time\nlate,06:00:00\n")
    with pytest.raises(GtfsError, match=r"frequencies.txt, row 2: trip late is repeated by headway"):
        read_timetable(tmp_path, Wanted(SUNDAY))
    (tmp_path / "frequencies.txt").unlink()
    (tmp_path / "stops.txt").write_bytes(FEED["stops.txt"].encode().replace(b"Shore", b"\xff\xfe"))
    with pytest.raises(GtfsError, match=r"stops.txt.*not CSV in UTF-8"):
        read_timetable(tmp_path, Wanted(SUNDAY))
