"""What watch counts and times, as Prometheus metrics."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram


class WatchMeasures:
    """The watch process's metrics on one registry.

    Wobble, the mean absolute revision per minute, is the rate of `eta_revision_s` divided by the rate of
    `eta_standing_min`.
    """

    def __init__(self, registry: CollectorRegistry) -> None:
        self.etas_published = Counter(
            "zaitu_watch_etas_published", "Arrival estimates published", registry=registry
        )
        self.eta_revision_s = Counter(
            "zaitu_watch_eta_revision_seconds",
            "Mean absolute change of the median arrival, summed over publications",
            registry=registry,
        )
        self.eta_standing_min = Counter(
            "zaitu_watch_eta_standing_minutes",
            "Time that estimates stood before they were published anew",
            registry=registry,
        )
        self.eta_error_s = Gauge(
            "zaitu_watch_eta_error_seconds",
            "Mean absolute error of the last day's scored estimates, by minutes ahead as told",
            ["horizon"],
            registry=registry,
        )
        self.eta_coverage = Gauge(
            "zaitu_watch_eta_coverage_ratio",
            "Share of the last day's arrivals at or before a quantile, by minutes ahead as told",
            ["horizon", "quantile"],
            registry=registry,
        )
        self.eta_scored = Gauge(
            "zaitu_watch_etas_scored",
            "Estimates of the last day's arrivals, by minutes ahead as told",
            ["horizon"],
            registry=registry,
        )
        self.eta_has_drifted = Gauge(
            "zaitu_watch_eta_has_drifted",
            "1 while estimates are worse than they were, or p90 covers too few or too many arrivals",
            registry=registry,
        )
        self.trips_learned = Counter(
            "zaitu_watch_trips_learned", "Trips learned from, again after late facts", registry=registry
        )
        self.alerts_raised = Counter(
            "zaitu_watch_alerts_raised", "Alerts raised", ["kind"], registry=registry
        )
        self.alerts_reopened = Counter(
            "zaitu_watch_alerts_reopened",
            "Alerts that came back within the cooldown",
            ["kind"],
            registry=registry,
        )
        self.alerts_cleared = Counter(
            "zaitu_watch_alerts_cleared", "Alerts cleared", ["kind", "reason"], registry=registry
        )
        self.alerts_open = Gauge("zaitu_watch_alerts_open", "Alerts open now", ["kind"], registry=registry)
        self.milestone_lag = Gauge(
            "zaitu_milestone_lag_seconds",
            "From when a milestone happened until it was recorded, over the last hour: all of it, and the "
            "parts of the device (silent), the network (and its backlog) and ourselves",
            ["part", "quantile"],
            registry=registry,
        )
        self.milestones_in_time = Gauge(
            "zaitu_milestones_in_time_ratio",
            "Share of the last hour's milestones recorded within 15 minutes",
            registry=registry,
        )
        self.milestones_counted = Gauge(
            "zaitu_milestones_counted",
            "Milestones of the last hour the lag is measured on",
            registry=registry,
        )
        self.oldest_writer_s = Gauge(
            "zaitu_watch_oldest_write_transaction_seconds",
            "Age of the oldest transaction that writes: nothing that began after it is heard of meanwhile",
            registry=registry,
        )
        self.address_errors = Gauge(
            "zaitu_address_error_ratio",
            "Share of the last 30 days' addresses that were corrected or delivered elsewhere",
            registry=registry,
        )
        self.addresses_counted = Gauge(
            "zaitu_addresses_counted", "Orders the address error is measured on", registry=registry
        )
        self.notices_waiting = Gauge(
            "zaitu_watch_notices_waiting", "Notices written and not sent yet", registry=registry
        )
        self.notices_longest_due_s = Gauge(
            "zaitu_watch_notices_longest_due_seconds",
            "How long the notice longest due has waited to be sent",
            registry=registry,
        )
        self.notices_given_up = Gauge(
            "zaitu_watch_notices_given_up",
            "Notices given up after their last attempt, and not replayed",
            registry=registry,
        )
        self.duty_time = Histogram(
            "zaitu_watch_duty_seconds", "Duration of a duty, commit included", ["duty"], registry=registry
        )
        self.duty_failures = Counter(
            "zaitu_watch_duty_failures", "Duties that failed", ["duty"], registry=registry
        )
        self.is_working = Gauge(
            "zaitu_watch_is_working", "1 while this process is the one watch", registry=registry
        )
