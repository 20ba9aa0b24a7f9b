"""`zaitu trip`: planned trips from timetables."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Annotated
from uuid import UUID

import typer
from uuid_utils.compat import uuid7

from api.route_plan import stop_distances_m
from domain.access import Principal
from domain.orders import StopKind
from geo.gtfs import GtfsError, GtfsTrip, Timetable, Wanted, read_timetable
from runtime.device_commands import cli_principal, with_database
from runtime.settings import load_settings
from store import audit, trips, vehicles
from store.cipher import Cipher
from store.pool import Connection
from store.trips import StopToAdd
from store.unit_of_work import unit_of_work

trip_app = typer.Typer(help="Planned trips.", no_args_is_help=True)
EARLY = timedelta(minutes=15)
LATE = timedelta(hours=1)
"""How long before its first departure and after its last arrival a vehicle is taken to be on a trip."""


@trip_app.callback()
def trip() -> None:
    """Planned trips."""


@trip_app.command("import-gtfs")
def import_gtfs(
    feed: Annotated[Path, typer.Argument(help="a GTFS feed: a zip archive or a folder")],
    day: Annotated[datetime, typer.Option("--date", formats=["%Y-%m-%d"], help="the service day")],
    vehicle: Annotated[str, typer.Option(help="label of the vehicle that drives the trips")],
    trip_ids: Annotated[list[str] | None, typer.Option("--trip", help="trip_id; may be repeated")] = None,
    block: Annotated[str | None, typer.Option(help="block_id: the trips of one vehicle")] = None,
    route: Annotated[str | None, typer.Option(help="route_id")] = None,
) -> None:
    """Plan the trips of a GTFS feed for a vehicle on a day: their shapes, stops and times.

    All are planned, or none. What is wrong with the feed is named by file and row.
    """
    wanted = Wanted(day.date(), frozenset(trip_ids) if trip_ids else None, block, route)
    try:
        timetable = read_timetable(feed, wanted)
        windows = _windows(timetable)
    except GtfsError as exc:
        typer.echo(f"zaitu: {exc}", err=True)
        raise typer.Exit(1) from exc
    cipher = Cipher.kept(load_settings().contact_key_text)
    added = with_database(
        lambda connection: plan(connection, cli_principal(), cipher, timetable, windows, vehicle)
    )
    for public_id, one in zip(added, timetable.trips, strict=True):
        typer.echo(f"{public_id} {one.label}: {len(one.stops)} stops")


async def plan(
    connection: Connection,
    principal: Principal,
    cipher: Cipher,
    timetable: Timetable,
    windows: Sequence[tuple[datetime, datetime]],
    vehicle_label: str,
) -> list[UUID]:
    """Add the trips of a timetable to a vehicle's; their public ids. NotFound for an unknown vehicle."""
    vehicle = await vehicles.labelled(connection, principal, vehicle_label)
    stops = await asyncio.to_thread(lambda: [_stops(timetable, one) for one in timetable.trips])
    added: list[UUID] = []
    async with unit_of_work(connection) as work:
        for one, own_stops, (active_from, active_to) in zip(timetable.trips, stops, windows, strict=True):
            added.append(uuid7())
            trip_id = await trips.create(
                work.connection,
                principal,
                cipher,
                public_id=added[-1],
                vehicle=vehicle,
                label=one.label,
                active_from=active_from,
                active_to=active_to,
                route_lats=one.lats,
                route_lons=one.lons,
                stops=own_stops,
            )
            subject = f"trip:{trip_id}"
            await audit.record(work.connection, principal, "add", subject, {}, datetime.now(UTC))
            work.tell("trip", [trip_id])
    return added


def _windows(timetable: Timetable) -> list[tuple[datetime, datetime]]:
    """When the vehicle is on each trip: from a little before to some time after, but on one at a time."""
    starts = [timetable.at(one.stops[0].departs_s) for one in timetable.trips]
    ends = [timetable.at(one.stops[-1].arrives_s) for one in timetable.trips]
    for place, (before, after) in enumerate(pairwise(timetable.trips)):
        if ends[place] > starts[place + 1]:
            raise GtfsError(
                "stop_times.txt",
                None,
                f"trips {before.trip_id} and {after.trip_id} overlap, and one vehicle cannot drive both: "
                "choose trips with --trip or --block",
            )
    # Between two trips the vehicle changes over half way.
    changes = [end + (start - end) / 2 for end, start in zip(ends[:-1], starts[1:], strict=True)]
    begins = [
        starts[0] - EARLY,
        *(max(at, start - EARLY) for at, start in zip(changes, starts[1:], strict=True)),
    ]
    finishes = [*(min(at, end + LATE) for at, end in zip(changes, ends[:-1], strict=True)), ends[-1] + LATE]
    return list(zip(begins, finishes, strict=True))


def _stops(timetable: Timetable, one: GtfsTrip) -> list[StopToAdd]:
    distances = stop_distances_m(
        one.lats, one.lons, [stop.lat for stop in one.stops], [stop.lon for stop in one.stops]
    )
    last = len(one.stops) - 1
    kinds = [StopKind.ORIGIN, *[StopKind.HUB] * (last - 1), StopKind.DESTINATION]
    return [
        StopToAdd(
            seq=seq,
            name=stop.name,
            kind=kinds[seq].value,
            geofence_id=None,
            lat=stop.lat,
            lon=stop.lon,
            distance_m=distance_m,
            planned_arrival_at=timetable.at(stop.arrives_s),
            planned_departure_at=timetable.at(stop.departs_s),
            service_s=stop.departs_s - stop.arrives_s,
        )
        for seq, (stop, distance_m) in enumerate(zip(one.stops, distances, strict=True))
    ]
