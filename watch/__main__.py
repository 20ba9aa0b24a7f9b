"""The watch process, from its settings to its duties."""

from __future__ import annotations

import asyncio
import secrets
import signal
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta

import httpx
import structlog

from domain.access import Principal, process_principal
from domain.alerts import LateRiskRule
from domain.estimates import DriftRule, PublishRule
from geo.geocoders import Geocoder
from geo.geocoders.nominatim import Nominatim
from migrations.runner import refusal_of_newer
from runtime.logging import configure_logging
from runtime.metrics import Metrics, MetricsServer
from runtime.settings import Settings, load_settings, refuse, refuse_taken
from store.cipher import Cipher
from watch import (
    address_errors,
    alerting,
    deadlines,
    eta_scores,
    etas,
    held_back,
    late,
    late_risk,
    learning,
    outbox,
    retention,
    road,
    service_level,
    stale,
)
from watch.chores import Chore, keep_doing
from watch.learned import Learned
from watch.loop import keep_watch
from watch.measures import WatchMeasures
from watch.placing import Placer, keep_placing
from watch.schedule import Duty
from watch.sending import Sender, keep_sending
from watch.transports import Network

ANSWER_WITHIN_S = 15.0

_log = structlog.get_logger(__name__)


def main() -> None:
    """Watch until SIGTERM or SIGINT."""
    settings = load_settings()
    configure_logging(settings.log_level, settings.log_format, "watch")
    refuse_taken(settings.metrics_host, settings.watch_metrics_port, "ZAITU_WATCH_METRICS_PORT")
    database_url = settings.required_database_url()
    if newer := refusal_of_newer(database_url):
        refuse(newer)
    principal = process_principal("watch")
    metrics = Metrics()
    measures = WatchMeasures(metrics.registry)
    learned = Learned()
    duties = table_of_duties(settings, principal, learned, measures)
    chores = table_of_chores(settings, principal, learned, measures)
    server = MetricsServer(metrics, settings.metrics_host, settings.watch_metrics_port)
    _log.info("metrics_shown", port=server.port)
    try:
        asyncio.run(_until_told(database_url, settings, principal, duties, chores, measures))
    finally:
        server.close()


def table_of_duties(
    settings: Settings, principal: Principal, learned: Learned, measures: WatchMeasures
) -> Sequence[Duty]:
    """Everything watch does, how often, and on what news."""
    eta_interval = timedelta(seconds=settings.eta_interval_s)
    alert_interval = timedelta(seconds=settings.alert_interval_s)
    publish_rule, late_risk_rule = PublishRule(), LateRiskRule()
    return (
        Duty(
            "etas",
            lambda work, now, turn: etas.run(work, principal, now, turn, publish_rule, learned, measures),
            every=eta_interval,
            wakes_on=frozenset({"position", "trip", "order"}),
            # With what ingest, the API and the page take, a new window is on the page within two seconds.
            at_most_every=timedelta(seconds=1),
        ),
        Duty(
            "late_risk",
            lambda work, now, _: late_risk.run(work, principal, now, late_risk_rule, measures),
            every=alert_interval,
            wakes_on=frozenset({"eta", "order"}),
            at_most_every=timedelta(seconds=5),
        ),
        Duty(
            "late",
            lambda work, now, _: late.run(work, principal, now, measures),
            every=alert_interval,
            wakes_on=frozenset({"order"}),
            at_most_every=timedelta(seconds=5),
        ),
        Duty(
            "stale",
            lambda work, now, _: stale.run(work, principal, now, measures),
            every=alert_interval,
            wakes_on=frozenset({"crossing", "order", "assignment"}),
            at_most_every=timedelta(seconds=5),
        ),
        Duty(
            "deadlines",
            lambda work, now, _: deadlines.run(work, principal, now, measures),
            every=alert_interval,
            wakes_on=frozenset({"order"}),
            at_most_every=timedelta(seconds=5),
        ),
        Duty(
            "road",
            lambda work, now, _: road.run(work, principal, now, measures),
            every=alert_interval,
        ),
        Duty(
            "open_alerts",
            lambda work, _now, _turn: alerting.count_open(work, principal, measures),
            every=timedelta(minutes=1),
            wakes_on=frozenset({"alert"}),
        ),
        Duty(
            "service_level",
            lambda work, now, _: service_level.run(work, principal, now, measures),
            every=timedelta(minutes=1),
        ),
        Duty(
            "outbox",
            lambda work, now, _: outbox.run(work, now, measures),
            every=timedelta(minutes=1),
        ),
        Duty(
            "held_back",
            lambda work, _now, _turn: held_back.run(work, measures),
            every=timedelta(seconds=10),
        ),
    )


def table_of_chores(
    settings: Settings, principal: Principal, learned: Learned, measures: WatchMeasures
) -> Sequence[Chore]:
    """The heavy work, which runs beside the duties, and how often."""
    kept = retention.Kept(
        changes=timedelta(hours=1),
        rejected=timedelta(days=settings.rejected_kept_days),
        facts=timedelta(days=settings.facts_kept_days),
    )
    drift_rule = DriftRule()
    return (
        Chore(
            "learning",
            lambda connection, now: learning.run(connection, principal, now, learned, measures),
            every=timedelta(minutes=1),
        ),
        Chore(
            "eta_scores",
            lambda connection, now: eta_scores.run(connection, principal, now, drift_rule, measures),
            every=timedelta(minutes=10),
        ),
        Chore(
            "address_errors",
            lambda connection, now: address_errors.run(connection, principal, now, measures),
            every=timedelta(minutes=10),
        ),
        Chore(
            "retention",
            lambda connection, now: retention.run(connection, now, kept),
            every=timedelta(minutes=10),
        ),
        Chore("compression", retention.compress, every=timedelta(minutes=10)),
    )


async def _until_told(
    database_url: str,
    settings: Settings,
    principal: Principal,
    duties: Sequence[Duty],
    chores: Sequence[Chore],
    measures: WatchMeasures,
) -> None:
    """Watch, do the chores, send, and place addresses, until a signal or until one of them fails."""
    smtp_url = None if settings.smtp_url is None else settings.smtp_url.get_secret_value()
    async with httpx.AsyncClient(timeout=ANSWER_WITHIN_S) as client:
        sender = Sender(
            principal=principal,
            cipher=Cipher.kept(settings.contact_key_text),
            transports=Network(client, smtp_url, settings.mail_from),
            clock=_now,
            new_token=lambda: secrets.token_urlsafe(32),
            public_url=settings.public_url,
        )
        placer = Placer(principal, sender.cipher, geocoder_of(settings, client), _now)
        tasks = {
            asyncio.create_task(keep_watch(database_url, duties, _now, measures)),
            asyncio.create_task(keep_doing(database_url, chores, _now, measures)),
            asyncio.create_task(keep_sending(database_url, sender)),
            asyncio.create_task(keep_placing(database_url, placer)),
        }
        loop = asyncio.get_running_loop()
        for told in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(told, _cancel_all, tasks)
        done, running = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        _cancel_all(running)
        await asyncio.gather(*running, return_exceptions=True)
        for task in done:
            if not task.cancelled():
                task.result()


def geocoder_of(settings: Settings, client: httpx.AsyncClient) -> Geocoder | None:
    """The geocoder the settings name, if any."""
    if settings.geocoder_url is None:
        return None
    return Nominatim(client, settings.geocoder_url, settings.geocoder_datum)


def _cancel_all(tasks: Iterable[asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()


def _now() -> datetime:
    return datetime.now(UTC)


if __name__ == "__main__":
    main()
