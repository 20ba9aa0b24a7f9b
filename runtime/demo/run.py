"""One demo from beginning to end: servers, processes, fleet, live view, account, summary."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import time
from collections import deque
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, replace

import typer

from domain.access import Principal, process_principal
from migrations.runner import migrate
from runtime.demo import people, servers
from runtime.demo.calls import ApiCalls
from runtime.demo.children import Child, Children, DemoError, Stopped
from runtime.demo.figures import Account, Lag, Measured, Sent, measure, summary
from runtime.demo.links import Link, is_ready, tracking_links
from runtime.demo.office import Office
from runtime.demo.servers import Ports, Servers, local
from runtime.demo.view import MILESTONES_SHOWN, Scene, View, choose_view
from runtime.settings import Settings, load_settings
from simulators.enrolment import depot_code
from store import census, depots
from store.census import Derived
from store.cipher import Cipher
from store.errors import StoreError
from store.pool import Connection, open_connection

SUMMARY = "demo-summary.json"
ORDERS_PER_VEHICLE = 1
REFRESH_S = 1.0
# The lag shown is that of this many refreshes, so that one sees how it is now.
LAG_OVER = 10
READY_WITHIN_S = 120.0
ENROLLED_WITHIN_S = 240.0
ACCOUNTED_WITHIN_S = 60.0
_SUBSCRIBED = "subscribed"


def main(seconds: float | None, vehicles: int) -> int:
    """Run the demo for so long, or until Ctrl-C or SIGTERM; the exit status is 1 when it went wrong."""
    settings = load_settings()
    try:
        with servers.only_one(settings.data_dir):
            return asyncio.run(_Demo(settings, choose_view(), vehicles).run(seconds))
    except (DemoError, StoreError) as exc:
        typer.echo(f"zaitu demo: {exc}", err=True)
        return 1


@dataclass(frozen=True, slots=True)
class _Outcome:
    """What a run came to."""

    account: Account
    derived: Derived


class _Demo:
    """A run; `run` reads like its table of contents."""

    def __init__(self, settings: Settings, view: View, vehicles: int) -> None:
        self._settings = settings
        self._vehicles = vehicles
        self._view = view
        self._name = f"{int(time.time()):x}"
        self._client_id = f"{settings.mqtt_client_id}-demo"
        self._log_folder = settings.data_dir / "log"
        self._report = self._log_folder / "demo-fleet.jsonl"
        # In a database that is not the demo's own, its people must not take anybody's login.
        self._logins = people.draw("" if settings.database_url is None else f"-{self._name}")
        self._logins_file = settings.data_dir / people.LOGINS
        self._summary = settings.data_dir / SUMMARY
        self._stop = asyncio.Event()
        self._readings = deque([Measured()], maxlen=LAG_OVER + 1)

    async def run(self, seconds: float | None) -> int:
        """Run it and say how it went."""
        self._listen_for_the_end()
        self._summary.unlink(missing_ok=True)
        self._report.unlink(missing_ok=True)
        people.write(self._logins_file, self._logins)
        provided, ports = self._provide(), servers.choose_ports(self._settings)
        try:
            async with (
                Children(self._log_folder, self._environment(provided, ports), self._stop) as children,
                _connected(provided.database_url) as connection,
            ):
                await self._start_services(children, ports)
                fleet = await self._start_fleet(children)
                async with self._office_open(ports):
                    await self._look_on(children, connection, ports, seconds)
                await children.stop(fleet)
                outcome = await self._settle(children, connection, ports)
        except Stopped:
            self._view.say("Stopped before the fleet was under way.")
            return 0
        finally:
            servers.forget_session(provided.mqtt_url, self._client_id)
            self._logins_file.unlink(missing_ok=True)
        return self._conclude(outcome)

    def _listen_for_the_end(self) -> None:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, self._stop.set)

    def _provide(self) -> Servers:
        self._view.say("Preparing the database and the broker.")
        provided = servers.provide(self._settings)
        for note in provided.notes:
            self._view.say(note)
        migrate(provided.database_url)
        servers.forget_session(provided.mqtt_url, self._client_id)
        return provided

    def _environment(self, provided: Servers, ports: Ports) -> Mapping[str, str]:
        return {
            **os.environ,
            "DATABASE_URL": provided.database_url,
            "MQTT_URL": provided.mqtt_url,
            "ZAITU_SIMULATOR_MQTT_URL": provided.simulator_mqtt_url,
            "ZAITU_MQTT_CLIENT_ID": self._client_id,
            "ZAITU_API_PORT": str(ports.api),
            "ZAITU_DEVICE_HTTP_PORT": str(ports.device_http),
            "ZAITU_INGEST_METRICS_PORT": str(ports.ingest_metrics),
            "ZAITU_WATCH_METRICS_PORT": str(ports.watch_metrics),
            "ZAITU_DEMO_LOGINS": str(self._logins_file),
            "ZAITU_LOG_FORMAT": "json",
        }

    async def _start_services(self, children: Children, ports: Ports) -> None:
        """Start the three processes; before ingest subscribed once, the broker would keep nothing for it."""
        self._view.say("Starting ingest, watch and api.")
        ingest = await children.start("ingest", "ingest")
        await children.start("watch", "watch")
        await children.start("api", "api")

        async def subscribed() -> bool:
            return _SUBSCRIBED in ingest.events()

        async def ready() -> bool:
            return await asyncio.to_thread(is_ready, local(ports.api))

        await children.until(subscribed, READY_WITHIN_S, "ingest did not subscribe at the broker")
        await children.until(ready, READY_WITHIN_S, "the API did not become ready")

    async def _start_fleet(self, children: Children) -> Child:
        """Start the simulator; it makes its fleet known through the API before it drives."""
        self._view.say("Making the fleet and its orders known.")
        options = (f"--run={self._name}", f"--report={self._report}", f"--vehicles={self._vehicles}")
        fleet = await children.start("fleet", "runtime.cli", "simulate", *options)

        async def drives() -> bool:
            return Sent.read(self._report) is not None

        await children.until(drives, ENROLLED_WITHIN_S, "the fleet did not get on its way")
        return fleet

    def _api(self, ports: Ports) -> ApiCalls:
        return ApiCalls(local(ports.api), self._settings.admin_token_text())

    @contextlib.asynccontextmanager
    async def _office_open(self, ports: Ports) -> AsyncIterator[None]:
        """Fill the company around the fleet while it drives; what goes wrong with that ends the demo."""
        office = Office(self._api(ports), self._name, depot_code(self._name), self._logins)
        filling = asyncio.create_task(asyncio.to_thread(office.open, ORDERS_PER_VEHICLE * self._vehicles))
        try:
            yield
        finally:
            office.close()
            try:
                await filling
            except OSError as exc:
                raise DemoError(f"the office could not be filled: {exc}") from exc

    async def _look_on(
        self, children: Children, connection: Connection, ports: Ports, seconds: float | None
    ) -> None:
        """Show the run until its time is over."""
        principal = await self._fleet_principal(connection)
        links = await self._links(ports)
        cipher = Cipher.kept(self._settings.contact_key_text)
        began_s = time.monotonic()
        with self._view as view:
            while True:
                elapsed_s = time.monotonic() - began_s
                await self._look(ports)
                view.show(
                    Scene(
                        elapsed_s=elapsed_s,
                        measured=self._readings[-1],
                        lag=Lag.between(self._readings[0].lags, self._readings[-1].lags),
                        derived=await census.derived(connection, principal),
                        reached=await census.newest_milestones(
                            connection, principal, cipher, MILESTONES_SHOWN
                        ),
                        links=links,
                    )
                )
                left_s = REFRESH_S if seconds is None else seconds - elapsed_s
                if left_s <= 0 or await children.rest(min(left_s, REFRESH_S)):
                    return

    async def _look(self, ports: Ports) -> None:
        # Where a process does not answer the last figures stay; should it have ended, that is noticed.
        with contextlib.suppress(OSError):
            self._readings.append(await self._measure(ports))

    @staticmethod
    async def _measure(ports: Ports) -> Measured:
        return await asyncio.to_thread(measure, local(ports.ingest_metrics), local(ports.watch_metrics))

    def _sent(self) -> Sent:
        return Sent.read(self._report) or Sent()

    async def _fleet_principal(self, connection: Connection) -> Principal:
        """Somebody who sees the depot of this run and nothing else of what the database may hold."""
        code = depot_code(self._name)
        known = await depots.list_all(connection, process_principal("demo"))
        ours = tuple(depot.depot_id for depot in known if depot.code == code)
        return replace(process_principal("demo"), depot_ids=ours)

    async def _links(self, ports: Ports) -> list[Link]:
        api = local(ports.api)
        shared = await asyncio.to_thread(tracking_links, self._api(ports))
        return [
            Link("sign in", f"{api}/  (logins and passwords: {self._logins_file})"),
            *shared,
            Link("API", f"{api}/openapi.json"),
            Link("metrics", f"{api}/metrics  {local(ports.ingest_metrics)}/  {local(ports.watch_metrics)}/"),
        ]

    async def _settle(self, children: Children, connection: Connection, ports: Ports) -> _Outcome:
        """Wait until every fact sent is accounted for, as long as that gets on within a minute."""
        principal = await self._fleet_principal(connection)
        give_up_s = time.monotonic() + ACCOUNTED_WITHIN_S
        self._view.say("The fleet stands. Waiting until everything sent is accounted for.")
        while True:
            children.check()
            # Counters move just after their commit, so they are read before the rows are counted.
            measured = await self._measure(ports)
            account = Account(self._sent(), await census.facts(connection, principal), measured)
            if account.lost <= 0 or time.monotonic() > give_up_s:
                return _Outcome(account, await census.derived(connection, principal))
            self._view.say(f"  {account.accounted:,} of {account.sent.facts:,} facts")
            await asyncio.sleep(REFRESH_S)

    def _conclude(self, outcome: _Outcome) -> int:
        """Write the summary and say what the exit status means."""
        figures = summary(outcome.account, outcome.derived)
        self._summary.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")
        for name, value in figures.items():
            self._view.say(f"  {name:<12} {value:>10,}")
        self._view.say(f"Written to {self._summary}; logs in {self._log_folder}.")
        return _verdict(outcome.account)


def _verdict(account: Account) -> int:
    sent, unconfirmed = account.sent, account.sent.unconfirmed
    if account.lost == 0 and not unconfirmed:
        return 0
    reasons = []
    if account.lost > 0:
        reasons.append(f"{account.lost:,} of {sent.facts:,} facts sent are nowhere")
    if account.lost < 0:
        reasons.append(f"{-account.lost:,} more facts are there than were sent")
    if unconfirmed:
        reasons.append(f"the broker did not confirm {unconfirmed:,} messages")
    raise DemoError("; ".join(reasons))


@contextlib.asynccontextmanager
async def _connected(database_url: str) -> AsyncIterator[Connection]:
    connection = await open_connection(database_url)
    try:
        yield connection
    finally:
        connection.terminate()
