"""What ingest counts and times, as Prometheus metrics."""

from __future__ import annotations

import math
from collections import Counter as Counts
from collections.abc import Iterator, Sequence
from operator import attrgetter

import numpy as np
from prometheus_client import CollectorRegistry, Counter, Gauge
from prometheus_client.core import HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

from ingest.batch import Batch

# Finest where a commit should be, so that quantiles read off it mean something.
_SECONDS = (
    0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.25, 0.35, 0.5, 0.75, 1.0, 1.25, 1.5, 2.0, 2.5, 3.5,
    5.0, 15.0, 60.0, 300.0, 900.0,
)  # fmt: skip


class CommitLag(Collector):
    """The time from receipt to commit, counted a batch at a time: one by one costs as much as decoding."""

    def __init__(self) -> None:
        self._counts = np.zeros(len(_SECONDS) + 1, dtype=np.int64)
        self._sum_s = 0.0

    def add(self, lags_s: Sequence[float]) -> None:
        """Count the lags of one batch's messages."""
        places = np.searchsorted(_SECONDS, lags_s, side="left")
        self._counts += np.bincount(places, minlength=len(self._counts))
        self._sum_s += sum(lags_s)

    def collect(self) -> Iterator[Metric]:
        """The histogram as Prometheus wants it: cumulative."""
        bounds = [*(str(bound) for bound in _SECONDS), "+Inf"]
        cumulative = np.cumsum(self._counts).tolist()
        yield HistogramMetricFamily(
            "zaitu_ingest_commit_lag_seconds",
            "From receipt to commit",
            buckets=list(zip(bounds, cumulative, strict=True)),
            sum_value=self._sum_s,
        )


class IngestMeasures:
    """The ingest process's metrics on one registry; counters move only after the commit."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.messages = Counter("zaitu_ingest_messages", "Messages committed", ["source"], registry=registry)
        self.facts = Counter("zaitu_ingest_facts", "New facts stored", ["kind"], registry=registry)
        self.duplicates = Counter("zaitu_ingest_duplicates", "Facts stored before", registry=registry)
        self.rejected = Counter(
            "zaitu_ingest_rejected", "Payloads or items that cannot be used", ["reason"], registry=registry
        )
        self.quarantined = Counter(
            "zaitu_ingest_quarantined", "Facts with unbelievable clocks", ["reason"], registry=registry
        )
        self.refused_fixes = Counter(
            "zaitu_ingest_refused_fixes",
            "Stored fixes the fold does not believe",
            ["rule"],
            registry=registry,
        )
        self.folded_fixes = Counter(
            "zaitu_ingest_folded_fixes",
            "Fixes folded: forward in their order, or again by a rebuild",
            ["how"],
            registry=registry,
        )
        self.rebuilds = Counter(
            "zaitu_ingest_rebuilds", "Vehicles folded again from an earlier time", registry=registry
        )
        self.crossings = Counter("zaitu_ingest_crossings", "Crossings recorded", registry=registry)
        self.superseded = Counter(
            "zaitu_ingest_crossings_superseded", "Crossings taken back", registry=registry
        )
        self.milestones = Counter(
            "zaitu_ingest_milestones", "Milestone times set or corrected", registry=registry
        )
        self.missing = Gauge(
            "zaitu_ingest_missing_facts",
            "Numbered facts found missing, less those that came after all, since the start",
            registry=registry,
        )
        self.batches = Counter("zaitu_ingest_batches", "Transactions committed", registry=registry)
        self.retries = Counter("zaitu_ingest_retries", "Transactions tried again", registry=registry)
        self.commit_lag = CommitLag()
        registry.register(self.commit_lag)
        self.waiting = Gauge(
            "zaitu_ingest_waiting_messages", "Messages received, not committed", registry=registry
        )
        self.broker_queue = Gauge(
            "zaitu_ingest_broker_queue_messages",
            "Messages the broker holds for all its clients, by its own count; NaN where it does not say",
            registry=registry,
        )
        self.broker_queue.set(math.nan)
        self.receive_lag = Gauge(
            "zaitu_ingest_receive_lag_seconds",
            "Age, on receipt, of the newest fix of the last batch: grows with what waits at the broker",
            registry=registry,
        )
        self.writer = Gauge(
            "zaitu_ingest_is_writer", "1 while this process is the one writer", registry=registry
        )

    def committed(self, batch: Batch, lags_s: list[float]) -> None:
        """Count a batch whose transaction has been committed; `lags_s` has one entry a message."""
        self.batches.inc()
        for source, count in Counts([message.source for message in batch.messages]).items():
            self.messages.labels(source).inc(count)
        self.commit_lag.add(lags_s)
        self.facts.labels("gps").inc(len(batch.fixes))
        if batch.fixes:
            newest = max((held.fact.stamp for held in batch.fixes), key=attrgetter("device_time"))
            self.receive_lag.set((newest.received_at - newest.device_time).total_seconds())
        self.facts.labels("scan").inc(len(batch.scans))
        for reading in batch.readings:
            self.facts.labels(reading.fact.kind.value).inc()
        self.duplicates.inc(batch.duplicates)
        for rejection in batch.rejected:
            self.rejected.labels(rejection.reason).inc()
        for fact in batch.quarantined:
            self.quarantined.labels(fact.reason).inc()
        for rule, _ in batch.refused_fixes:
            self.refused_fixes.labels(rule).inc()
        self.folded_fixes.labels("forward").inc(batch.folded_fixes)
        self.folded_fixes.labels("again").inc(batch.refolded_fixes)
        self.rebuilds.inc(len(batch.rebuilt_vehicles))
        self.crossings.inc(len(batch.crossings))
        self.superseded.inc(len(batch.superseded))
        self.milestones.inc(batch.milestones)
        self.missing.inc(batch.newly_missing)
