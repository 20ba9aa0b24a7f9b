"""Prometheus metrics of a process, and a small HTTP server that shows them where there is no API to do it."""

from dataclasses import dataclass, field
from http.server import ThreadingHTTPServer
from threading import Thread

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST, MetricsHandler

# Seconds. The promise is 1 s for a milestone and 15 min from end to end: finest around the first.
LATENCY_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 15.0, 60.0, 300.0, 900.0)


@dataclass(frozen=True)
class Metrics:
    """The metrics of one process; every name begins with `zaitu_` and ends with its unit."""

    registry: CollectorRegistry = field(default_factory=CollectorRegistry)

    def __post_init__(self) -> None:
        ProcessCollector(registry=self.registry)

    def counter(self, name: str, what: str, *labels: str) -> Counter:
        """A number that only grows."""
        return Counter(f"zaitu_{name}", what, labels, registry=self.registry)

    def gauge(self, name: str, what: str, *labels: str) -> Gauge:
        """A number that goes up and down."""
        return Gauge(f"zaitu_{name}", what, labels, registry=self.registry)

    def latency(self, name: str, what: str, *labels: str) -> Histogram:
        """A distribution of durations, in seconds."""
        return Histogram(
            f"zaitu_{name}_seconds", what, labels, registry=self.registry, buckets=LATENCY_BUCKETS
        )

    def render(self) -> tuple[bytes, str]:
        """Return the exposition and its content type."""
        return generate_latest(self.registry), CONTENT_TYPE_LATEST


class MetricsServer:
    """Shows a process's metrics at /metrics; port 0 takes a free one."""

    def __init__(self, metrics: Metrics, host: str, port: int) -> None:
        self._server = ThreadingHTTPServer((host, port), MetricsHandler.factory(metrics.registry))
        self._server.daemon_threads = True
        self._thread = Thread(target=self._server.serve_forever, name="metrics", daemon=True)
        self._thread.start()

    @property
    def port(self) -> int:
        """The TCP port it listens on."""
        return self._server.server_port

    def close(self) -> None:
        """Stop listening."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
