"""`python -m ingest`: the ingest process."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import signal

import structlog
from prometheus_client import CollectorRegistry

from ingest.broker import BrokerAddress
from ingest.errors import IngestError
from ingest.inbox import BatchRules
from ingest.process import IngestOptions, IngestProcess
from migrations.runner import refusal_of_newer
from runtime.logging import configure_logging
from runtime.metrics import Metrics, MetricsServer
from runtime.settings import Settings, load_settings, refuse, refuse_taken
from runtime.stack.embedded import EmbeddedStack
from store.cipher import Cipher

log = structlog.get_logger(__name__)
STOP_WITHIN_S = 10.0
# A batch makes a hundred thousand objects and leaves no cycles: by default the collector would look them
# through some hundred times.
GC_THRESHOLDS = (100_000, 20, 20)


def main() -> None:
    """Read the settings, show metrics, and run until SIGTERM or SIGINT; exit status 1 when a part fails."""
    gc.set_threshold(*GC_THRESHOLDS)
    settings = load_settings()
    configure_logging(settings.log_level, settings.log_format, "ingest")
    if newer := refusal_of_newer(settings.required_database_url()):
        refuse(newer)
    refuse_taken(settings.metrics_host, settings.ingest_metrics_port, "ZAITU_INGEST_METRICS_PORT")
    refuse_taken(settings.device_http_host, settings.device_http_port, "ZAITU_DEVICE_HTTP_PORT")
    metrics = Metrics()
    server = MetricsServer(metrics, settings.metrics_host, settings.ingest_metrics_port)
    log.info("metrics_shown", port=server.port)
    try:
        status = asyncio.run(_run(settings, metrics.registry))
    finally:
        server.close()
    raise SystemExit(status)


async def _run(settings: Settings, registry: CollectorRegistry) -> int:
    process = IngestProcess(_options(settings), registry, on_new_session=lambda: _save_session(settings))
    running = asyncio.create_task(process.run())
    loop = asyncio.get_running_loop()

    def stop() -> None:
        process.stop()
        loop.call_later(STOP_WITHIN_S, running.cancel)

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop)
    status = 0
    try:
        with contextlib.suppress(asyncio.CancelledError):
            await running
    except* IngestError as failures:
        for failure in failures.exceptions:
            log.error("ingest_stopped", reason=str(failure))
        status = 1
    log.info("ingest_ended")
    return status


def _save_session(settings: Settings) -> None:
    """Have the embedded broker save our new session at once: killed before that, it would forget it."""
    broker = EmbeddedStack(settings.data_dir).broker
    if broker.is_running() and settings.mqtt_url == broker.url:
        broker.save()


def _options(settings: Settings) -> IngestOptions:
    return IngestOptions(
        database_url=settings.required_database_url(),
        broker=BrokerAddress.parse(settings.required_mqtt_url()),
        client_id=settings.mqtt_client_id,
        cipher=Cipher.kept(settings.contact_key_text),
        batch=BatchRules(
            max_messages=min(settings.batch_messages, max(settings.inflight_window // 2, 1)),
            max_age_s=settings.batch_age_ms / 1000,
        ),
        http_host=settings.device_http_host,
        http_port=settings.device_http_port,
        enrols=settings.enroll == "open",
    )


if __name__ == "__main__":
    main()
