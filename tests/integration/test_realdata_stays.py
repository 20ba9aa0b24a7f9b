"""Stays and drives of real people and buses against what those who were there labelled."""

from __future__ import annotations

import csv
import io
import os
import sys
import zipfile
from collections import Counter
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from geo.stops import StopRules, find_drives, find_stays

ROOT = Path(__file__).resolve().parents[2]
REALDATA = Path(os.environ.get("ZAITU_REALDATA", ROOT.parent / "shared" / "realdata"))
pytestmark = [
    pytest.mark.realdata,
    pytest.mark.skipif(not REALDATA.is_dir(), reason="the real data folder (ZAITU_REALDATA) is not here"),
]
Column = NDArray[np.float64]


def report(line: str) -> None:
    """Say a figure; `pytest -s` shows it."""
    sys.stdout.write(f"{line}\n")


RULES_TRIED = [
    StopRules(radius_m=radius_m, least_s=least_s)
    for radius_m in (10.0, 15.0, 20.0, 25.0, 35.0, 50.0)
    for least_s in (15.0, 30.0, 45.0, 60.0, 90.0, 120.0, 180.0)
]


def delivery_tracks() -> Iterator[tuple[Column, Column, Column, NDArray[np.bool_]]]:
    """Epoch s, latitude, longitude, and who labelled them on foot; metres put onto the plane at 0, 0."""
    with zipfile.ZipFile(next((REALDATA / "goal_delivery").glob("*.zip"))) as archive:
        for name in sorted(archive.namelist()):
            rows = (
                list(csv.DictReader(io.StringIO(archive.read(name).decode()))) if name.endswith("csv") else []
            )
            if rows:
                yield (
                    np.array([row["timestamp"] for row in rows], "datetime64[ns]").astype(np.int64) / 1e9,
                    np.array([float(row["y"]) for row in rows]) / 111_195.08,
                    np.array([float(row["x"]) for row in rows]) / 111_195.08,
                    np.array([row["groundtruth"] == "OnFoot" for row in rows]),
                )


def precision_and_recall(tracks: list[Any], rules: StopRules) -> tuple[float, float]:
    """Of fixes in stays, how many are on foot; and of those on foot, how many are in stays."""
    counts = np.zeros((2, 2), dtype=int)
    for times, lats, lons, on_foot in tracks:
        staying = np.zeros(len(times), dtype=int)
        for stay in find_stays(times, lats, lons, rules=rules):
            staying[stay.first : stay.last + 1] = 1
        np.add.at(counts, (on_foot.astype(int), staying), 1)
    return counts[1, 1] / max(counts[:, 1].sum(), 1), counts[1, 1] / counts[1].sum()


def f1(precision: float, recall: float) -> float:
    return 2.0 * precision * recall / (precision + recall) if precision + recall > 0.0 else 0.0


def test_stays_against_the_labels_of_delivery_agents() -> None:
    """The parameters are chosen on every other trajectory, and judged on the rest."""
    tracks = list(delivery_tracks())
    chosen_on, judged_on = tracks[::2], tracks[1::2]
    chosen = max(RULES_TRIED, key=lambda rules: f1(*precision_and_recall(chosen_on, rules)))
    for rules in (chosen, StopRules()):
        precision, recall = precision_and_recall(judged_on, rules)
        name = "chosen" if rules is chosen else "default"
        report(
            f"stays, {name} on {len(chosen_on)} other trajectories ({rules}): precision {precision:.3f}, "
            f"recall {recall:.3f} of {sum(on_foot.sum() for *_, on_foot in judged_on)} fixes on foot in "
            f"{len(judged_on)} trajectories"
        )
    precision, recall = precision_and_recall(judged_on, chosen)
    assert precision > 0.78
    assert recall > 0.85


STANDING = {"LAYOVER_", "LAYOVER_DURING", "AT_BASE"}
DRIVING = {"IN_PROGRESS", "DEADHEAD_BEFORE"}


def test_layovers_of_buses_are_stays_and_their_runs_are_drives() -> None:
    """Rows with one phase only; a bus in progress stands now and then, too."""
    counts: Counter[tuple[str, bool]] = Counter()
    trips = 0
    for path in sorted((REALDATA / "oba_b63" / "traces").glob("*.csv")):
        with path.open(newline="") as file:
            rows = sorted(csv.DictReader(file), key=lambda row: row["timestamp"])
        columns = (
            [datetime.fromisoformat(row["timestamp"]).timestamp() for row in rows],
            [float(row["lat"]) for row in rows],
            [float(row["lon"]) for row in rows],
        )
        stays = find_stays(*columns)
        standing = {n for stay in stays for n in range(stay.first, stay.last + 1)}
        counts.update((row["actual_phase"], n in standing) for n, row in enumerate(rows))
        trips += len(find_drives(*columns, stays))
    stood, drove = (
        sum(counts[phase, how] for phase in own) for own, how in ((STANDING, True), (DRIVING, False))
    )
    stood_of, drove_of = (
        sum(counts[phase, how] for phase in own for how in (True, False)) for own in (STANDING, DRIVING)
    )
    report(
        f"stays, default, of buses: {stood} of {stood_of} fixes on layover or at base lie in stays, "
        f"{drove} of {drove_of} in progress or on the way to it in one of {trips} drives"
    )
    assert stood / stood_of > 0.95
    assert drove / drove_of > 0.9
