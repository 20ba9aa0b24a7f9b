import asyncio
from datetime import UTC, datetime, timedelta

import pytest
from typer.testing import CliRunner

from runtime.cli import app
from store.pool import open_connection


async def told_and_arrived(database_url: str, *, late_s: tuple[float, ...]) -> None:
    """Trips from Yard to Shop, each told ten minutes ahead an hour ago, and so much later there."""
    connection = await open_connection(database_url)
    due_at = datetime.now(UTC) - timedelta(hours=1)
    await connection.execute(
        "insert into depot (public_id, code, name) values (gen_random_uuid(), 'N', 'North')"
    )
    for late in late_s:
        await connection.execute(
            "with v as (insert into vehicle (public_id, depot_id, label)"
            " select gen_random_uuid(), depot_id, 'truck' || $5 from depot returning vehicle_id, depot_id),"
            " t as (insert into trip (public_id, depot_id, vehicle_id, label, active, route_lats, route_lons)"
            " select gen_random_uuid(), depot_id, vehicle_id, 'trip', tstzrange(null, null), '{1,2}', '{3,4}'"
            " from v returning trip_id),"
            " s as (insert into stop (trip_id, seq, name, kind, lat, lon, distance_m)"
            " select trip_id, 0, 'Yard', 'origin', 31, 120, 0 from t union all"
            " select trip_id, 1, 'Shop', 'destination', 32, 121, 140000 from t"
            " returning trip_id, stop_id, seq)"
            " insert into eta (trip_id, stop_id, computed_at, p50_at, p90_at, arrived_at)"
            " select trip_id, stop_id, $1, $2, $3, $4 from s where seq = 1",
            due_at - timedelta(minutes=10, seconds=1),
            due_at,
            due_at + timedelta(minutes=2),
            due_at + timedelta(seconds=late),
            str(late),
        )
    await connection.close()


def test_scores_are_shown_by_minutes_ahead_and_by_lane(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_URL", database_url)
    monkeypatch.setenv("COLUMNS", "200")
    nothing = CliRunner().invoke(app, ["eta", "score"])
    assert (nothing.exit_code, "has been scored yet" in nothing.output) == (0, True)
    asyncio.run(told_and_arrived(database_url, late_s=(60.0, 180.0)))
    shown = CliRunner().invoke(app, ["eta", "score", "--days", "1"])
    assert shown.exit_code == 0, shown.output
    (horizon,) = (line for line in shown.output.splitlines() if "10-15" in line)
    assert [cell.strip() for cell in horizon.strip("│ ").split("│")] == [
        "10-15",
        "2",
        "120",
        "-120",
        "0.0%",
        "50.0%",
    ]
    (lane,) = (line for line in shown.output.splitlines() if "Yard - Shop" in line)
    assert "50.0%" in lane
    assert "accurate by TransitApp's measure 100 %" in shown.output
    assert "has been scored yet" in CliRunner().invoke(app, ["eta", "score", "--days", "0.01"]).output
    assert CliRunner().invoke(app, ["eta", "score", "--days", "0"]).exit_code == 2
