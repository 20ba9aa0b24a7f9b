"""Replays recorded traces as live devices: rebased to end now, at a chosen speed, with an exact count."""

from __future__ import annotations

import heapq
import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, NamedTuple
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import typer

from simulators.clock import Clock, stopped_by_signals
from simulators.errors import AlreadyRegisteredError, SimulatorError
from simulators.messages import TOPIC_PREFIX, Encoding, encode
from simulators.options import DEFAULT_API_URL, AdminToken, ApiUrl, MqttUrl
from simulators.outbox import Connections, Outbox
from simulators.server import Server, rfc3339
from simulators.traces import Columns, TimeReader, Trace, Unreadable, read_traces

AS_FAST_AS_POSSIBLE = float("inf")
_LONGEST_WAIT_S = 0.25
_DRAIN_S = 30.0
_INTERVAL_S = 30.0
_OLDEST_TAKEN_S = 400 * 86_400.0


@dataclass(frozen=True, slots=True)
class Rebased:
    """A trace, and the seconds to add to its times.

    Sent at `speed` times its pace from when the replay begins, its last fix is sent at its new time; the
    ones before are late, never early.
    """

    trace: Trace
    shift_s: float


class Parcel(NamedTuple):
    """Some rows of one trace: seconds of the recording since it began, trace, and number of its first row."""

    elapsed_s: float
    trace_number: int
    first_row: int
    rows: int


def rebase(
    traces: Sequence[Trace], began_at_s: float, speed: float, ends_at_s: float | None = None
) -> list[Rebased]:
    """Shift each trace so that it ends when its replay does, or at a given moment."""
    shifted = []
    for trace in traces:
        end_s = began_at_s + (trace.last_s - trace.first_s) / speed if ends_at_s is None else ends_at_s
        shifted.append(Rebased(trace, round(end_s - trace.last_s, 3)))
    return shifted


def parcels(traces: Sequence[Trace], batch: int) -> Iterator[Parcel]:
    """Cut traces into parcels of so many rows, all traces side by side in the order of their recording.

    A row recorded out of order keeps its place: it goes out with the row before it.
    """

    def of_trace(number: int, trace: Trace) -> Iterator[Parcel]:
        latest_s = first_s = trace.first_s
        for start in range(0, len(trace.rows), batch):
            part = trace.rows[start : start + batch]
            latest_s = max(latest_s, *(row.at_s for row in part))
            yield Parcel(latest_s - first_s, number, start, len(part))

    return heapq.merge(*(of_trace(number, trace) for number, trace in enumerate(traces)))


def payload(rebased: Rebased, parcel: Parcel, in_array: bool) -> bytes:
    """Write a parcel's fixes as docs/wire-format.md has them; `seq` is the row's number in its trace."""
    rows = rebased.trace.rows[parcel.first_row : parcel.first_row + parcel.rows]
    items = [
        {"ts": round((row.at_s + rebased.shift_s) * 1000), "seq": number, "lat": row.lat, "lon": row.lon}
        for number, row in enumerate(rows, start=parcel.first_row)
    ]
    return encode(items if in_array else items[0], Encoding.JSON)


@dataclass(frozen=True, slots=True)
class Sent:
    """What a replay did: messages confirmed by the broker and the rows in them, by trace."""

    messages: int
    rows: dict[str, int]
    unconfirmed: int
    complete: bool


def send(
    rebased: Sequence[Rebased],
    outbox: Outbox[Parcel],
    clock: Clock,
    speed: float,
    batch: int = 1,
    progress: Callable[[int], object] = lambda rows: None,
) -> Sent:
    """Publish every parcel at its time until the end or until the clock is stopped."""
    began_at_s = clock.now()
    rows = {each.trace.device: 0 for each in rebased}
    messages = 0
    complete = True

    def count(confirmed: list[Parcel]) -> None:
        nonlocal messages
        for parcel in confirmed:
            messages += 1
            rows[rebased[parcel.trace_number].trace.device] += parcel.rows
            progress(parcel.rows)

    for parcel in parcels([each.trace for each in rebased], batch):
        due_s = began_at_s + parcel.elapsed_s / speed
        while not clock.stopped and (left_s := due_s - clock.now()) > 0:
            clock.wait(min(left_s, _LONGEST_WAIT_S))
            count(outbox.collect())
        each = rebased[parcel.trace_number]
        topic = f"{TOPIC_PREFIX}/{each.trace.device}/gps"
        content = payload(each, parcel, in_array=batch > 1)
        if clock.stopped or not outbox.send(each.trace.device, topic, content, parcel):
            complete = False
            break
        count(outbox.collect())
    count(outbox.drain(_DRAIN_S))
    return Sent(messages, rows, outbox.unconfirmed, complete)


def report_of(rebased: Sequence[Rebased], sent: Sent, unreadable: Unreadable) -> dict[str, object]:
    """The replay as plain JSON: counts, and for each device its file, shift, and new first and last time."""
    devices = {
        each.trace.device: {
            "file": each.trace.file,
            "rows": len(each.trace.rows),
            "sent": sent.rows[each.trace.device],
            "shift_s": each.shift_s,
            "first": rfc3339(each.trace.first_s + each.shift_s),
            "last": rfc3339(each.trace.last_s + each.shift_s),
        }
        for each in rebased
    }
    return {
        "complete": sent.complete and sent.unconfirmed == 0,
        "messages": sent.messages,
        "unconfirmed": sent.unconfirmed,
        "facts": sum(sent.rows.values()),
        "unreadable": dict(unreadable.reasons),
        "unreadable_lines": unreadable.lines,
        "devices": devices,
    }


def register(server: Server, traces: Sequence[Trace], depot_code: str, now_s: float) -> None:
    """Register each trace's device as tracker of a vehicle of its name; known devices stay as they are."""
    depot = server.add_depot(depot_code, "Replayed traces")
    for trace in traces:
        try:
            device = server.add_device(depot, trace.device, "tracker", _INTERVAL_S)
        except AlreadyRegisteredError:
            continue
        vehicle = server.add_vehicle(depot, trace.device)
        server.assign_to_vehicle(device, vehicle, now_s - _OLDEST_TAKEN_S)


def _parse_speed(text: str) -> float:
    if text == "max":
        return AS_FAST_AS_POSSIBLE
    try:
        speed = float(text)
    except ValueError as exc:
        raise SimulatorError(f"--speed must be a number from 1, or max; not {text!r}") from exc
    if not speed >= 1:
        raise SimulatorError("--speed must be at least 1: slower, the first fixes would lie in the future")
    return speed


def _parse_zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError) as exc:
        raise SimulatorError(f"no time zone is called {name!r}; write it like America/New_York") from exc


def _parse_moment(text: str | None, now_s: float) -> float | None:
    if text is None:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as exc:
        raise SimulatorError("--ends-at must look like 2026-11-21T08:30:00Z") from exc
    ends_at_s = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    if ends_at_s > now_s:
        raise SimulatorError("--ends-at must not lie in the future: such fixes would be quarantined")
    return ends_at_s


def replay(
    files: Annotated[list[Path], typer.Argument(help="CSV files, plain or .gz, with a header line.")],
    mqtt_url: MqttUrl,
    lat: Annotated[str | None, typer.Option(help="Column of the latitude; default: by its name.")] = None,
    lon: Annotated[str | None, typer.Option(help="Column of the longitude; default: by its name.")] = None,
    time: Annotated[str | None, typer.Option(help="Column of the time; default: by its name.")] = None,
    device_id: Annotated[
        str | None, typer.Option("--id", help="Column of the device; default: each file is one device.")
    ] = None,
    zone: Annotated[str, typer.Option(help="Time zone of times without one.")] = "UTC",
    time_format: Annotated[
        str | None, typer.Option(help="strptime format; default: ISO 8601 or epoch.")
    ] = None,
    speed: Annotated[str, typer.Option(help="Times the recorded pace, from 1; or max.")] = "60",
    ends_at: Annotated[str | None, typer.Option(help="Last fix of each device; default: now.")] = None,
    batch: Annotated[int, typer.Option(min=1, max=5000, help="Fixes in a message.")] = 1,
    device_prefix: Annotated[str, typer.Option(help="Put before each device's name.")] = "",
    register_first: Annotated[
        bool, typer.Option("--register/--no-register", help="First register devices and vehicles.")
    ] = True,
    api_url: ApiUrl = DEFAULT_API_URL,
    token: AdminToken = "",
    report: Annotated[Path | None, typer.Option(help="Write counts, files and shifts here as JSON.")] = None,
) -> None:
    """Send recorded CSV traces as if they were happening now."""
    columns = Columns(lat, lon, time, device_id)
    try:
        pace = _parse_speed(speed)
        times = TimeReader(_parse_zone(zone), time_format)
        traces, unreadable = read_traces(files, columns, times, device_prefix)
        with stopped_by_signals() as clock:
            run = f"{int(clock.now()):x}"
            if register_first:
                with closing(Server(api_url, token)) as server:
                    register(server, traces, f"REPLAY-{run}", clock.now())
            rebased = rebase(traces, clock.now(), pace, _parse_moment(ends_at, clock.now()))
            length = sum(len(trace.rows) for trace in traces)
            with (
                Outbox[Parcel](mqtt_url, f"replay-{run}", Connections.SHARED, clock) as outbox,
                typer.progressbar(length=length, label="replay") as bar,
            ):
                sent = send(rebased, outbox, clock, pace, batch, bar.update)
    except SimulatorError as exc:
        typer.echo(f"zaitu replay: {exc}", err=True)
        raise typer.Exit(2) from exc
    result = report_of(rebased, sent, unreadable)
    if report is not None:
        report.write_text(json.dumps(result, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    _say(result, unreadable)
    if not result["complete"]:
        raise typer.Exit(1)


def main(arguments: list[str]) -> None:
    """Run the command `zaitu replay`; ends with SystemExit, whose code is its exit status."""
    app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
    app.command()(replay)
    app(arguments, prog_name="zaitu replay")


def _say(result: dict[str, object], unreadable: Unreadable) -> None:
    typer.echo("{messages} messages with {facts} fixes sent, {unconfirmed} unconfirmed".format_map(result))
    for reason, count in unreadable.reasons.items():
        typer.echo(f"{count} rows not sent: {reason}")
    for line in unreadable.lines:
        typer.echo(f"  {line}")
