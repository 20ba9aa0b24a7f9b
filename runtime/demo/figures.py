"""What the demo knows of itself: the simulator's report, processes' metrics, the database's counts."""

from __future__ import annotations

import json
import math
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from prometheus_client.parser import text_string_to_metric_families

from store.census import Derived, Facts

_ANSWER_S = 20.0

Buckets = Sequence[tuple[float, int]]
"""A histogram: upper limits in seconds, and how many lie at or below each."""


@dataclass(frozen=True, slots=True)
class Sent:
    """What the simulator says it sent and the broker confirmed; `unconfirmed` messages are in neither."""

    messages: int = 0
    facts: int = 0
    unconfirmed: int = 0

    @classmethod
    def read(cls, report: Path) -> Sent | None:
        """Read the newest line of the simulator's report; None before there is one."""
        try:
            text = report.read_text(encoding="utf-8")
        except FileNotFoundError:
            return None
        whole, _, _ = text.rpartition("\n")
        if not whole:
            return None
        line = json.loads(whole.rsplit("\n", 1)[-1])
        return cls(line["messages"], line["facts"], line["unconfirmed"])


@dataclass(frozen=True, slots=True)
class Lag:
    """From receipt by ingest to the commit, in milliseconds; NaN where nothing was committed."""

    p50_ms: float
    p99_ms: float

    @classmethod
    def between(cls, before: Buckets, after: Buckets) -> Lag:
        """Of the messages counted between two readings of the histogram."""
        counted = dict(before)
        counts = [(limit, count - counted.get(limit, 0)) for limit, count in after]
        return cls(p50_ms=1000 * quantile(counts, 0.5), p99_ms=1000 * quantile(counts, 0.99))


@dataclass(frozen=True, slots=True)
class Measured:
    """What ingest and watch have counted since they started."""

    messages: int = 0
    fixes: int = 0
    duplicates: int = 0
    rejected: Mapping[str, int] = field(default_factory=dict)
    quarantined: int = 0
    etas: int = 0
    alerts_raised: Mapping[str, int] = field(default_factory=dict)
    alerts_open: Mapping[str, int] = field(default_factory=dict)
    alerts_cleared: int = 0
    lags: Buckets = ()


def measure(ingest_url: str, watch_url: str) -> Measured:
    """Read both processes' metrics; OSError when one does not answer."""
    ingest, watch = _Samples(ingest_url), _Samples(watch_url)
    return Measured(
        messages=ingest.total("zaitu_ingest_messages_total"),
        fixes=ingest.by("kind", "zaitu_ingest_facts_total").get("gps", 0),
        duplicates=ingest.total("zaitu_ingest_duplicates_total"),
        rejected=ingest.by("reason", "zaitu_ingest_rejected_total"),
        quarantined=ingest.total("zaitu_ingest_quarantined_total"),
        etas=watch.total("zaitu_watch_etas_published_total"),
        alerts_raised=watch.by("kind", "zaitu_watch_alerts_raised_total"),
        alerts_open=watch.by("kind", "zaitu_watch_alerts_open"),
        alerts_cleared=watch.total("zaitu_watch_alerts_cleared_total"),
        lags=tuple(
            sorted(
                (float(limit), count)
                for limit, count in ingest.by("le", "zaitu_ingest_commit_lag_seconds_bucket").items()
            )
        ),
    )


class _Samples:
    """The samples a process shows at /metrics."""

    def __init__(self, url: str) -> None:
        with urllib.request.urlopen(f"{url}/metrics", timeout=_ANSWER_S) as response:
            text = response.read().decode()
        self._samples = [
            sample for family in text_string_to_metric_families(text) for sample in family.samples
        ]

    def total(self, name: str) -> int:
        return int(sum(sample.value for sample in self._samples if sample.name == name))

    def by(self, label: str, name: str) -> dict[str, int]:
        return {sample.labels[label]: int(sample.value) for sample in self._samples if sample.name == name}


def quantile(counts: Buckets, share: float) -> float:
    """A quantile from a histogram, by linear interpolation within a bucket.

    NaN when nothing was counted; the highest finite limit when it lies above that.
    """
    if not counts or not counts[-1][1]:
        return math.nan
    rank = share * counts[-1][1]
    below_limit, below = 0.0, 0
    for limit, count in counts:
        if count >= rank and math.isfinite(limit):
            return below_limit + (limit - below_limit) * (rank - below) / (count - below)
        if math.isfinite(limit):
            below_limit, below = limit, count
    return below_limit


@dataclass(frozen=True, slots=True)
class Account:
    """What was sent held against what was kept, when the run is over."""

    sent: Sent
    facts: Facts
    measured: Measured

    @property
    def accounted(self) -> int:
        """Facts whose fate is known."""
        facts = self.facts
        stored = facts.fixes + facts.scans + facts.readings
        return stored + self.measured.duplicates + facts.rejected + facts.quarantined

    @property
    def lost(self) -> int:
        """Facts sent and confirmed by the broker that are nowhere; negative when more is there than sent."""
        return self.sent.facts - self.accounted


def summary(account: Account, derived: Derived) -> dict[str, int | float]:
    """What `.zaitu/demo-summary.json` holds."""
    lag = Lag.between((), account.measured.lags)
    return {
        "messages": account.sent.messages,
        "fixes": account.facts.fixes,
        "duplicates": account.measured.duplicates,
        "rejected": account.facts.rejected,
        "quarantined": account.facts.quarantined,
        "crossings": derived.crossings,
        "milestones": derived.milestones,
        "alerts": derived.alerts,
        "lag_p50_ms": round(lag.p50_ms, 1),
        "lag_p99_ms": round(lag.p99_ms, 1),
        "lost": account.lost,
    }
