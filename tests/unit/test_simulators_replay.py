"""Recorded traces are read as they are, counted to the row, and rebased so that they end now."""

import gzip
import json
from datetime import UTC
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from simulators.errors import SimulatorError
from simulators.replay import AS_FAST_AS_POSSIBLE, parcels, payload, rebase
from simulators.traces import Columns, Row, TimeReader, Trace, read_traces

IN_UTC = TimeReader(UTC)


def written(path: Path, text: str) -> Path:
    path.write_bytes(text.encode())
    return path


def read(path: Path, columns: Columns = Columns(), times: TimeReader = IN_UTC) -> list[Row]:  # noqa: B008
    (trace,), unreadable = read_traces([path], columns, times)
    assert not unreadable.reasons
    return trace.rows


def test_lines_may_end_in_crlf_and_naive_times_have_a_zone(tmp_path: Path) -> None:
    path = written(tmp_path / "bus.csv", "vid,lat,lon,timestamp\r\nA 1,40.67,-73.98,2010-12-09 15:48:14\r\n")

    rows = read(path, times=TimeReader(ZoneInfo("America/New_York")))

    assert rows == [Row(1291927694.0, 40.67, -73.98)]


@pytest.mark.parametrize(
    ("text", "at_s"),
    [
        ("1291927694", 1291927694.0),
        ("1291927694.5", 1291927694.5),
        ("1291927694250", 1291927694.25),
        ("2010-12-09T20:48:14Z", 1291927694.0),
        ("2010-12-09T15:48:14.5-05:00", 1291927694.5),
        ("2010-12-09 20:48:14", 1291927694.0),
    ],
)
def test_times_are_read_in_the_usual_ways(text: str, at_s: float) -> None:
    assert IN_UTC.read(text) == at_s


def test_a_time_format_can_be_given() -> None:
    assert TimeReader(UTC, "%d.%m.%Y %H:%M").read("09.12.2010 20:48") == 1291927680.0


@pytest.mark.parametrize("header", ["lat,lng,datetime", "Latitude,Longitude,Time", "y,x,ts"])
def test_columns_are_found_by_their_usual_names(tmp_path: Path, header: str) -> None:
    path = written(tmp_path / "a.csv", f"{header}\n31.2,121.4,1291927694\n")

    assert read(path) == [Row(1291927694.0, 31.2, 121.4)]


def test_a_gzipped_file_with_a_byte_order_mark_is_read(tmp_path: Path) -> None:
    path = tmp_path / "a.csv.gz"
    path.write_bytes(gzip.compress("\ufefflat,lon,ts\n31.2,121.4,1291927694\n".encode()))

    assert read(path) == [Row(1291927694.0, 31.2, 121.4)]


def test_rows_that_cannot_be_read_are_counted_with_their_lines(tmp_path: Path) -> None:
    lines = [
        "lat,lon,ts",
        "31.2,121.4,1",
        ",121.4,2",
        "nan,121.4,3",
        "31.2,121.4,noon",
        "31.2",
        "31.2,121.4,6",
    ]
    path = written(tmp_path / "a.csv", "\n".join(lines) + "\n")

    (trace,), unreadable = read_traces([path], Columns(), IN_UTC)

    assert len(trace.rows) == 2
    assert unreadable.reasons == {"no position": 3, "no time": 1}
    assert unreadable.lines == [
        "a.csv:3: no position",
        "a.csv:4: no position",
        "a.csv:5: no time",
        "a.csv:6: no position",
    ]


def test_a_file_is_a_device_unless_a_column_names_it(tmp_path: Path) -> None:
    text = (
        "lat,lon,ts,vid\n31.2,121.4,1,MTA NYCT_7560\n31.2,121.4,2,MTA NYCT_7561\n31.2,121.4,3,MTA NYCT_7560\n"
    )
    path = written(tmp_path / "7560 2010.csv", text)

    (whole,), _ = read_traces([path], Columns(), IN_UTC, prefix="bus-")
    by_column, _ = read_traces([path], Columns(id="vid"), IN_UTC)

    assert (whole.device, len(whole.rows)) == ("bus-7560-2010", 3)
    assert [(trace.device, len(trace.rows)) for trace in by_column] == [
        ("MTA-NYCT_7560", 2),
        ("MTA-NYCT_7561", 1),
    ]


def test_two_files_of_one_name_are_two_devices(tmp_path: Path) -> None:
    paths = []
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        paths.append(written(tmp_path / folder / "bus.csv", "lat,lon,ts\n31.2,121.4,1\n"))

    traces, _ = read_traces(paths, Columns(), IN_UTC)

    assert [trace.device for trace in traces] == ["bus", "bus-2"]


@pytest.mark.parametrize(
    ("header", "columns", "said"),
    [
        ("lat,lon,when", Columns(), "--time"),
        ("lat,lon,ts", Columns(lat="breite"), "breite"),
        ("", Columns(), "--lat"),
    ],
)
def test_a_column_that_is_not_there_is_named(
    tmp_path: Path, header: str, columns: Columns, said: str
) -> None:
    path = written(tmp_path / "a.csv", f"{header}\n1,2,3\n")

    with pytest.raises(SimulatorError, match=said):
        read_traces([path], columns, IN_UTC)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(SimulatorError, match=r"gone\.csv"):
        read_traces([tmp_path / "gone.csv"], Columns(), IN_UTC)


def trace(device: str, *times_s: float) -> Trace:
    return Trace(device, f"{device}.csv", [Row(at_s, 31.2, 121.4) for at_s in times_s])


@pytest.mark.parametrize("speed", [1.0, 60.0, AS_FAST_AS_POSSIBLE])
def test_each_trace_ends_when_its_replay_does_and_is_never_early(speed: float) -> None:
    traces = [trace("a", 100.0, 400.0, 700.0), trace("b", 50.0, 110.0)]

    for rebased in rebase(traces, began_at_s=10_000.0, speed=speed):
        sent_at_s = [10_000.0 + (row.at_s - rebased.trace.first_s) / speed for row in rebased.trace.rows]
        new_at_s = [row.at_s + rebased.shift_s for row in rebased.trace.rows]
        assert new_at_s[-1] == pytest.approx(sent_at_s[-1])
        assert all(new <= sent for new, sent in zip(new_at_s, sent_at_s, strict=True))


def test_a_given_end_makes_two_replays_the_same() -> None:
    first, second = (rebase([trace("a", 1.0, 9.0)], began_at_s, 1.0, 5_000.0) for began_at_s in (6e3, 7e3))

    assert first == second
    assert first[0].shift_s == 4_991.0


def test_traces_go_side_by_side_and_rows_keep_their_order() -> None:
    traces = [trace("a", 100.0, 110.0, 105.0, 130.0), trace("b", 500.0, 520.0)]

    order = [(parcel.trace_number, parcel.first_row) for parcel in parcels(traces, batch=1)]

    assert order == [(0, 0), (1, 0), (0, 1), (0, 2), (1, 1), (0, 3)]


def test_parcels_hold_every_row_once() -> None:
    traces = [trace("a", *range(25)), trace("b", *range(7))]

    rows = [
        (parcel.trace_number, row)
        for parcel in parcels(traces, batch=10)
        for row in range(parcel.first_row, parcel.first_row + parcel.rows)
    ]

    assert sorted(rows) == [(0, row) for row in range(25)] + [(1, row) for row in range(7)]


def test_a_payload_carries_the_new_time_and_the_number_of_the_row() -> None:
    (rebased,) = rebase([trace("a", 100.0, 110.5)], began_at_s=10_000.0, speed=AS_FAST_AS_POSSIBLE)
    _, second = parcels([rebased.trace], batch=1)

    assert json.loads(payload(rebased, second, in_array=False)) == {
        "ts": 10_000_000,
        "seq": 1,
        "lat": 31.2,
        "lon": 121.4,
    }
