"""A fleet on the roads of the Yangtze delta: registers itself through the API, then publishes over MQTT."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

import typer

from simulators.clock import Clock, stopped_by_signals
from simulators.enrolment import Enrolment
from simulators.errors import SimulatorError
from simulators.faults import DEFAULT_PROBABILITIES, FAULTS, chosen_faults
from simulators.keeper import Keeper
from simulators.messages import Message
from simulators.options import DEFAULT_API_URL, AdminToken, ApiUrl, MqttUrl
from simulators.outbox import Connections, Outbox
from simulators.playback import Playback
from simulators.scenario import Trip, build_scenario
from simulators.server import Server
from simulators.tally import ReportFile, Tally

_LONGEST_WAIT_S = 0.25
_REPORT_EVERY_S = 1.0
_DRAIN_S = 10.0


@dataclass(frozen=True, slots=True)
class FleetOptions:
    """What a run needs; `run` keeps its names apart from those of other runs on the same server."""

    mqtt_url: str
    api_url: str
    token: str
    run: str
    vehicles: int = 14
    seed: int = 1
    interval_s: float = 2.0
    duration_s: float | None = None
    connections: Connections = Connections.SHARED
    faults: Mapping[str, float] = field(default_factory=lambda: dict(DEFAULT_PROBABILITIES))
    keep_until_receipt: bool = False
    report: Path | None = None


class _Sender:
    """Publishes what is due and counts what is confirmed."""

    def __init__(self, outbox: Outbox[Message], report: ReportFile, keeper: Keeper | None) -> None:
        self._outbox = outbox
        self._keeper = keeper
        self._report = report
        self._next_report_s = 0.0
        self._tally = Tally()

    def send(self, message: Message) -> None:
        if message.lost:
            self._tally.lose(message)
            return
        if self._keeper is not None:
            self._keeper.keep(message, message.send_at_s)
        self._outbox.send(message.device, message.topic, message.payload(), message)

    def keep_books(self, now_s: float) -> None:
        for message in self._outbox.collect():
            self._tally.add(message)
        self._send_again(now_s)
        if now_s >= self._next_report_s:
            self._next_report_s = now_s + _REPORT_EVERY_S
            self._report.write(self._figures())

    def finish(self) -> dict[str, object]:
        for message in self._outbox.drain(_DRAIN_S):
            self._tally.add(message)
        self._await_receipts(_DRAIN_S)
        final = self._figures()
        self._report.write(final, final=True)
        return final

    def _send_again(self, now_s: float) -> None:
        """Let go of what is committed, and send again what has had no receipt."""
        if self._keeper is None:
            return
        for topic, payload in self._outbox.heard():
            self._keeper.hear(topic, payload)
        for message in self._keeper.due(now_s, reconnected=self._outbox.reconnected()):
            self._tally.resent += len(message.items)
            self._outbox.send(message.device, message.topic, message.payload(), message)

    def _await_receipts(self, seconds: float) -> None:
        deadline = time.monotonic() + seconds
        while self._keeper and (left_s := deadline - time.monotonic()) > 0:
            self._outbox.wait(left_s)
            for topic, payload in self._outbox.heard():
                self._keeper.hear(topic, payload)

    def _figures(self) -> dict[str, object]:
        figures = self._tally.report(self._outbox.unconfirmed)
        return figures if self._keeper is None else {**figures, "without_receipt": len(self._keeper)}


def run_fleet(options: FleetOptions, clock: Clock) -> dict[str, object]:
    """Play the fleet until the clock is stopped or the duration is over; answer with the tally's report."""
    faults = chosen_faults(options.faults)
    scenario = build_scenario(options.seed, options.vehicles, options.run)
    began_at_s = clock.now()
    playback = Playback(scenario, faults, began_at_s, options.interval_s)
    server = Server(options.api_url, options.token)
    report = ReportFile(options.report)
    try:
        enrolment = Enrolment(server, scenario, began_at_s, options.interval_s)
        with Outbox[Message](
            options.mqtt_url,
            f"simulator-{options.run}",
            options.connections,
            clock,
            listen=options.keep_until_receipt,
        ) as outbox:
            enrolment.register_fleet()
            for trip in playback.first_trips:
                enrolment.register_trip(trip)
            sender = _Sender(outbox, report, Keeper() if options.keep_until_receipt else None)
            return _play(playback, enrolment, sender, options, clock, began_at_s)
    finally:
        server.close()
        report.close()


def _play(
    playback: Playback,
    enrolment: Enrolment,
    sender: _Sender,
    options: FleetOptions,
    clock: Clock,
    began_at_s: float,
) -> dict[str, object]:
    end_s = float("inf") if options.duration_s is None else clock.now() - began_at_s + options.duration_s
    while not clock.stopped and (now_s := clock.now() - began_at_s) < end_s:
        for event in playback.due(now_s):
            if isinstance(event, Trip):
                enrolment.register_trip(event)
            else:
                sender.send(event)
        sender.keep_books(now_s)
        next_s = min(playback.next_s(), end_s)
        clock.wait(min(next_s - (clock.now() - began_at_s), _LONGEST_WAIT_S))
    return sender.finish()


def parse_faults(given: list[str]) -> dict[str, float]:
    """Read `name=probability` options over the defaults; `none` begins with no faults at all."""
    probabilities = dict(DEFAULT_PROBABILITIES)
    for text in given:
        if text == "none":
            probabilities.clear()
            continue
        name, _, probability = text.partition("=")
        try:
            probabilities[name] = float(probability)
        except ValueError as exc:
            raise SimulatorError(f"--fault must look like late=0.05, not {text!r}") from exc
    try:
        chosen_faults(probabilities)
    except ValueError as exc:
        raise SimulatorError(str(exc)) from exc
    return probabilities


def simulate(
    mqtt_url: MqttUrl,
    token: AdminToken,
    api_url: ApiUrl = DEFAULT_API_URL,
    vehicles: Annotated[int, typer.Option(min=1, max=999)] = 14,
    seed: Annotated[int, typer.Option(help="The same seed repeats a run.")] = 1,
    interval_s: Annotated[float, typer.Option(min=1, help="Seconds between two fixes of a truck.")] = 2.0,
    duration_s: Annotated[float | None, typer.Option(help="Stop after this; default: until Ctrl-C.")] = None,
    connections: Connections = Connections.SHARED,
    fault: Annotated[
        list[str] | None,
        typer.Option(help=f"name=probability ({', '.join(FAULTS)}), again for more; none for none."),
    ] = None,
    keep_until_receipt: Annotated[
        bool, typer.Option(help="Keep facts until their commit receipt; send them again for want of one.")
    ] = False,
    run: Annotated[str | None, typer.Option(help="Part of every name; default: from the time.")] = None,
    report: Annotated[Path | None, typer.Option(help="Write figures here, one JSON line a second.")] = None,
) -> None:
    """Drive a fleet on the roads of the Yangtze delta and publish what it reports."""
    try:
        with stopped_by_signals() as clock:
            options = FleetOptions(
                mqtt_url=mqtt_url,
                api_url=api_url,
                token=token,
                run=run or f"{int(clock.now()):x}",
                vehicles=vehicles,
                seed=seed,
                interval_s=interval_s,
                duration_s=duration_s,
                connections=connections,
                faults=parse_faults(fault or []),
                keep_until_receipt=keep_until_receipt,
                report=report,
            )
            final = run_fleet(options, clock)
    except SimulatorError as exc:
        typer.echo(f"zaitu simulate: {exc}", err=True)
        raise typer.Exit(2) from exc
    typer.echo("{messages} messages with {facts} facts sent, {unconfirmed} unconfirmed".format_map(final))


def main(arguments: list[str]) -> None:
    """Run the command `zaitu simulate`; ends with SystemExit, whose code is its exit status."""
    app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
    app.command()(simulate)
    app(arguments, prog_name="zaitu simulate")
