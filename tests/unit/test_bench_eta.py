import csv
import gzip
import json
import os
import random
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

import bench.eta.__main__
from bench.eta import chengdu, madison, report
from bench.eta.madison import BusWatch, Fix, Told, read
from bench.eta.scoring import transit_score, wobble_s

MIDNIGHT = datetime(2025, 9, 1, tzinfo=UTC)
DAYS, TRIPS, MINUTES = 6, 8, 40
FEET_A_MINUTE = 1300.0
STOP_FEET = {"s1": 20_000.0, "s2": 35_000.0}

SHARED = ["vid", "tmstmp", "collection_timestamp", "tatripid", "stsd"]
VEHICLES = [*SHARED, "lat", "lon", "spd", "pid", "pdist", "stst"]
PREDICTIONS = [*SHARED, "stpid", "dstp", "prdtm"]


def write(folder: Path, seed: int, *, until_day: int = DAYS, shuffled: bool = False) -> Path:
    """A line of buses; what they do up to a day depends on the seed of that day alone."""
    vehicles: list[dict[str, object]] = []
    predictions: list[dict[str, object]] = []
    for day in range(DAYS):
        # Days from `until_day` on are of another world.
        dice = random.Random(f"{seed if day < until_day else seed + 1}/{day}")
        for trip in range(TRIPS):
            _drive(day, trip, dice, vehicles, predictions)
    if shuffled:
        random.Random(1).shuffle(vehicles)
        random.Random(2).shuffle(predictions)
    folder.mkdir()
    for name, columns, rows in (("a.csv", VEHICLES, vehicles), ("b.csv", PREDICTIONS, predictions)):
        with (folder / name).open("w", newline="") as file:
            writer = csv.DictWriter(file, columns)
            writer.writeheader()
            writer.writerows(rows)
    return folder


def _drive(
    day: int,
    trip: int,
    dice: random.Random,
    vehicles: list[dict[str, object]],
    predictions: list[dict[str, object]],
) -> None:
    departure = MIDNIGHT + timedelta(days=day, hours=8, minutes=45 * trip)
    feet = 0.0
    for minute in range(0, MINUTES, 2):
        at = departure + timedelta(minutes=minute)
        shared = {
            "vid": f"bus{trip % 3}",
            "tmstmp": at.strftime("%Y%m%d %H:%M"),
            "collection_timestamp": (at + timedelta(seconds=40)).replace(tzinfo=None).isoformat(),
            "tatripid": f"{trip}",
            "stsd": departure.strftime("%Y-%m-%d"),
        }
        vehicles.append(
            shared
            | {
                "lat": 43.0 + feet / 364_800,
                "lon": -89.4,
                "spd": 15,
                "pid": "7",
                "pdist": round(feet),
                "stst": (departure - MIDNIGHT - timedelta(days=day)).seconds,
            }
        )
        for stop, place in STOP_FEET.items():
            if place > feet:
                arrival = at + timedelta(minutes=(place - feet) / FEET_A_MINUTE)
                predictions.append(
                    shared
                    | {"stpid": stop, "dstp": round(place - feet), "prdtm": arrival.strftime("%Y%m%d %H:%M")}
                )
        feet += 2 * FEET_A_MINUTE * dice.uniform(0.6, 1.4)


def estimates(rows: Iterable[Fix | Told], before: str) -> list[tuple[object, ...]]:
    """Everything estimated before a day."""
    watch = BusWatch()
    made = [watch.see(row) for row in rows]
    return [
        (one.key, one.stop, one.now_s, one.arrivals.p50_s[0], one.arrivals.p90_s[0])
        for one in made
        if one is not None and one.key.day < before
    ]


def test_hiding_or_changing_the_future_changes_no_estimate(tmp_path: Path) -> None:
    whole = read(write(tmp_path / "whole", 5)).rows
    changed = read(write(tmp_path / "changed", 5, until_day=4)).rows
    day = (MIDNIGHT + timedelta(days=4)).strftime("%Y-%m-%d")
    hidden = [row for row in whole if row.key.day < day]
    known = estimates(whole, day)
    assert len(known) > 100
    assert estimates(hidden, day) == known
    assert estimates(changed, day) == known
    assert estimates(changed, "9999") != estimates(whole, "9999")


def test_the_order_of_rows_in_a_file_changes_nothing(tmp_path: Path) -> None:
    in_order, shuffled = write(tmp_path / "a", 5), write(tmp_path / "b", 5, shuffled=True)
    assert estimates(read(in_order).rows, "9999") == estimates(read(shuffled).rows, "9999")


def test_the_agencys_arrival_is_not_seen_by_the_estimator(tmp_path: Path) -> None:
    rows = read(write(tmp_path / "a", 5)).rows
    lied = [row._replace(arrival_s=row.arrival_s + 999.0) if isinstance(row, Told) else row for row in rows]
    assert estimates(lied, "9999") == estimates(rows, "9999")


def test_buses_are_scored_beside_the_agency(tmp_path: Path) -> None:
    folder = write(tmp_path / "a", 5)
    result = report.of_buses(madison.run(folder, folder, lambda _: None))
    assert set(result["mae_s"]) == set(result["agency_mae_s"]) == set(result["ratio"])
    assert result["coverage_p90"]["overall"] > 0.7
    assert result["wobble_s"] > 0.0


def test_another_folder_is_estimated_from_the_first(tmp_path: Path) -> None:
    train, test = write(tmp_path / "a", 5), write(tmp_path / "b", 6)
    alone = madison.run(train, test, lambda _: None)
    assert len(np.unique(alone.group)) == DAYS * TRIPS


def test_what_is_asked_is_never_taught(tmp_path: Path) -> None:
    train, same = write(tmp_path / "a", 5), write(tmp_path / "b", 5)
    (tmp_path / "c").mkdir()
    for name in ("a.csv", "b.csv"):
        head = (train / name).read_text().splitlines()[:1]
        lines = [line for line in (train / name).read_text().splitlines()[1:] if "2025-09-01" in line]
        (tmp_path / "c" / name).write_text("\n".join(head + lines))
    overlapping = madison.run(train, same, lambda _: None)
    first_day_only = madison.run(tmp_path / "c", same, lambda _: None)
    np.testing.assert_array_equal(overlapping.p50_s, first_day_only.p50_s)


def taxi(dice: random.Random, number: int, *, driver: int | None = None) -> dict[str, object]:
    points = 30
    steps_s = [dice.uniform(20.0, 60.0) for _ in range(points)]
    times_s = np.concatenate([[0.0], np.cumsum(steps_s)])
    return {
        "lats": (30.6 + 0.002 * np.arange(points + 1)).tolist(),
        "lngs": [104.0 + 0.01 * (number % 3)] * (points + 1),
        "time_gap": times_s.tolist(),
        "time": float(times_s[-1]),
        "timeID": 480 + number,
        "weekID": number % 4,
        "dateID": 24 + number % 4,
        "driverID": number if driver is None else driver,
    }


def taxis(folder: Path, *, other_answers: bool = False) -> Path:
    folder.mkdir()
    rows = [taxi(random.Random(number), number) for number in range(40)]
    if other_answers:
        for row in rows:
            if row["dateID"] == 27:
                row["time"] = 9.0
                row["time_gap"] = [0.3 * n for n in range(31)]
    (folder / "any-name.jsonl").write_text("\n".join(map(json.dumps, rows)))
    return folder


def test_a_days_taxis_are_estimated_without_their_answers(tmp_path: Path) -> None:
    known = chengdu.run(taxis(tmp_path / "a"), tmp_path / "a", lambda _: None)
    lied = chengdu.run(taxis(tmp_path / "b", other_answers=True), tmp_path / "b", lambda _: None)
    last_day = slice(-10, None)
    np.testing.assert_array_equal(lied.p50_s[last_day], known.p50_s[last_day])
    assert not np.array_equal(lied.p50_s[:10], known.p50_s[:10])


def test_a_copy_of_the_folder_under_other_names_teaches_nothing_it_is_asked(tmp_path: Path) -> None:
    folder = taxis(tmp_path / "a")
    (tmp_path / "b").mkdir()
    packed = gzip.compress((folder / "any-name.jsonl").read_bytes())
    (tmp_path / "b" / "another").write_bytes(packed)
    (tmp_path / "b" / "readme.txt").write_text("not drives")
    alone = chengdu.run(folder, folder, lambda _: None)
    copied = chengdu.run(folder, tmp_path / "b", lambda _: None)
    np.testing.assert_array_equal(alone.p50_s, copied.p50_s)


def test_a_drive_in_both_folders_is_not_taught(tmp_path: Path) -> None:
    folder = taxis(tmp_path / "a")
    lines = (folder / "any-name.jsonl").read_text().splitlines()
    for name, some in (("asked", lines[:10]), ("others", lines[10:])):
        (tmp_path / name).mkdir()
        (tmp_path / name / "x").write_text("\n".join(some))
    overlapping = chengdu.run(folder, tmp_path / "asked", lambda _: None)
    apart = chengdu.run(tmp_path / "others", tmp_path / "asked", lambda _: None)
    np.testing.assert_array_equal(overlapping.p50_s, apart.p50_s)


def test_one_taught_day_tells_how_far_off_estimates_are(tmp_path: Path) -> None:
    lines = (taxis(tmp_path / "all") / "any-name.jsonl").read_text().splitlines()
    for name, days in (("taught", {24}), ("asked", {25, 26, 27})):
        (tmp_path / name).mkdir()
        some = [line for line in lines if json.loads(line)["dateID"] in days]
        (tmp_path / name / "x").write_text("\n".join(some))
    result = report.of_taxis(chengdu.run(tmp_path / "taught", tmp_path / "asked", lambda _: None))
    assert result["mape"] < 15.0
    assert 0.7 <= result["coverage_p90"]["overall"] <= 1.0


def test_drives_that_overlap_are_left_out_together_unless_the_asked_ones_overlap_too(tmp_path: Path) -> None:
    rows = [taxi(random.Random(number), number, driver=number // 8) for number in range(40)]
    (tmp_path / "x").write_text("\n".join(map(json.dumps, rows)))
    drives = chengdu.read(tmp_path)
    of_others = [drive for drive in drives if drive.driver < 4]
    stranger, neighbour = drives[-1], drives[0]
    assert {len(group) for group in chengdu.left_out(of_others, [stranger])} == {2}
    assert {len(group) for group in chengdu.left_out(of_others, [stranger, neighbour])} == {1}
    for asked in (stranger, neighbour):
        groups = chengdu.left_out(of_others, [asked])
        assert sorted(drive.name for group in groups for drive in group) == sorted(
            drive.name for drive in of_others
        )
    assert chengdu.left_out(drives[:1], [stranger]) == []


@pytest.mark.parametrize("dataset", ["madison", "chengdu", "b63"])
def test_folders_without_drives_are_refused_by_name(
    dataset: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "notes.bin").write_bytes(b"\xff\xfe\x00")
    for folder in ("missing", "empty", "other"):
        where = str(tmp_path / folder)
        arguments = ["zaitu bench eta", "--dataset", dataset, "--train", where, "--test", where]
        monkeypatch.setattr("sys.argv", arguments)
        with pytest.raises(SystemExit):
            bench.eta.__main__.main()
        said = capsys.readouterr().err
        assert "the recorded drives cannot be used: " in said
        assert where in said


def test_a_line_that_is_no_drive_is_named(tmp_path: Path) -> None:
    folder = taxis(tmp_path / "a")
    with (folder / "any-name.jsonl").open("a") as file:
        file.write('\n{"lats": [1.0]}')
    with pytest.raises(ValueError, match=r"any-name\.jsonl, line 41 is no drive"):
        chengdu.read(folder)


def test_a_row_without_its_numbers_is_left_out_and_many_are_refused(tmp_path: Path) -> None:
    folder = write(tmp_path / "a", 5)
    count = len(read(folder).rows)
    lines = (folder / "a.csv").read_text().splitlines()
    lines[3] = ",".join([lines[3].split(",")[0], *[""] * (len(VEHICLES) - 1)])
    (folder / "a.csv").write_text("\n".join(lines))
    assert len(read(folder).rows) == count - 1
    (folder / "a.csv").write_text("\n".join([*lines[:30], *[lines[3]] * len(lines)]))
    with pytest.raises(ValueError, match="lack a number"):
        read(folder)


def test_the_score_is_the_mean_share_of_accurate_estimates() -> None:
    now_s = np.zeros(4)
    told_s = np.array([120.0, 120.0, 300.0, 300.0])
    came_s = told_s + np.array([60.0, -60.0, 120.0, -59.0])
    assert transit_score(now_s, told_s, came_s) == pytest.approx((50.0 + 100.0) / 2)


def test_wobble_is_the_revision_per_minute_of_each_visit() -> None:
    now_s = np.array([0.0, 60.0, 180.0, 0.0])
    told_s = np.array([600.0, 630.0, 600.0, 9999.0])
    assert wobble_s(now_s, told_s, np.array([1, 1, 1, 2])) == pytest.approx(60.0 / 3)


REALDATA = Path(os.environ.get("ZAITU_REALDATA", Path(__file__).parents[3] / "shared" / "realdata"))


@pytest.mark.realdata
@pytest.mark.skipif(not REALDATA.exists(), reason="the real data folder is absent")
def test_taxis_of_chengdu_are_estimated_within_the_bar() -> None:
    folder = REALDATA / "deeptte_chengdu"
    result = report.of_taxis(chengdu.run(folder, folder, lambda _: None))
    assert result["mape"] <= 24.0
    assert 0.88 <= result["coverage_p90"]["overall"] <= 0.92
