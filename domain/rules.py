"""What a company decides for itself: channels, priorities, clocks, calendars, notices. Values, never code."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median

from domain.addresses import AddressRule
from domain.clocks import Clock, Traits, holds
from domain.fix_filters import FixFilters
from domain.sharing import SharingRule

ANY_CHANNEL = "*"


@dataclass(frozen=True, slots=True)
class Channel:
    """Where orders come from: what such an order must have, and whether the company's own clocks run on it.

    required: names of fields of the intake, as in `contact.phone`.
    """

    name: str
    required: tuple[str, ...] = ()
    clocks: bool = False


@dataclass(frozen=True, slots=True)
class PriorityRule:
    """The priority of orders with all these traits."""

    priority: str
    when: Mapping[str, str | bool]


@dataclass(frozen=True, slots=True)
class Surge:
    """A channel's day is a surge once it has more than `times` the median of this weekday's last `weeks`."""

    times: float = 3.0
    weeks: int = 4


@dataclass(frozen=True, slots=True)
class OfficeRule:
    """Working hours: wall-clock times as HH:MM, on China's working days."""

    opens: str = "08:30"
    closes: str = "18:00"


@dataclass(frozen=True, slots=True)
class QuietHours:
    """When nobody is disturbed, wall-clock times as HH:MM in the depot's zone."""

    begins: str = "22:00"
    ends: str = "08:00"


@dataclass(frozen=True, slots=True)
class NoticeRule:
    """Who hears of an event, and how.

    recipient: `customer`, `partner`, or `roles`, those inside whom it concerns. channel: `webhook`, `sms`,
    `wechat` or `email`. fresh_min: found later than this, it is written down and not sent.
    """

    event: str
    recipient: str
    channel: str
    quiet: bool = True
    fresh_min: float = 60.0


@dataclass(frozen=True, slots=True)
class AlertLimits:
    """When something on the road is worth an alert; temperatures are watched where both bounds are set.

    cooldown_min: an alert that comes back sooner after it ended is the same one, opened again.
    """

    off_route_m: float = 1000.0
    off_route_min: float = 5.0
    mismatch_m: float = 1000.0
    impossible_kmh: float = 180.0
    long_stop_m: float = 200.0
    long_stop_min: float = 30.0
    cooldown_min: float = 10.0
    temperature_min_c: float | None = None
    temperature_max_c: float | None = None


@dataclass(frozen=True, slots=True)
class DrivingLimit:
    """How long a driver may drive on end, and how long the break after it lasts (China: 4 h, 20 min)."""

    drive_h: float
    break_min: float

    def __post_init__(self) -> None:
        if self.drive_h <= 0.0 or self.break_min <= 0.0:
            raise ValueError("a limit of driving needs drive_h and break_min above 0")


def _duties() -> dict[str, tuple[str, ...]]:
    return {
        "warehouse": ("stock_keeper", "team_lead", "shipping_clerk"),
        "customer_service": ("auditor", "sales_clerk", "tracker"),
        "dispatcher": ("dispatcher", "tracker"),
        "manager": ("manager", "transport_manager"),
    }


@dataclass(frozen=True, slots=True)
class Rules:
    """Everything a company's file of rules says.

    duties: which owners of clocks the people of a role are, unless they have duties of their own.
    approaching_min: a stop estimated at most so many minutes ahead is told as approaching; None: none is.
    """

    channels: tuple[Channel, ...]
    priorities: tuple[PriorityRule, ...]
    clocks: tuple[Clock, ...]
    notices: tuple[NoticeRule, ...]
    office: OfficeRule = field(default_factory=OfficeRule)
    quiet_hours: QuietHours = field(default_factory=QuietHours)
    surge: Surge = field(default_factory=Surge)
    alerts: AlertLimits = field(default_factory=AlertLimits)
    addresses: AddressRule = field(default_factory=AddressRule)
    filters: FixFilters = field(default_factory=FixFilters)
    sharing: SharingRule = field(default_factory=SharingRule)
    driving: DrivingLimit | None = None
    duties: Mapping[str, tuple[str, ...]] = field(default_factory=_duties)
    promise_h: float = 48.0
    escalation_fresh_min: float = 15.0
    approaching_min: float | None = None

    def __post_init__(self) -> None:
        if self.approaching_min is not None and self.approaching_min <= 0.0:
            raise ValueError("approaching_min must be above 0, or left out")

    def channel(self, name: str) -> Channel:
        """What holds for a channel, by name or else the entry for any."""
        named = {channel.name: channel for channel in self.channels}
        return named.get(name) or named.get(ANY_CHANNEL) or Channel(ANY_CHANNEL)

    def clocks_of(self, channel: str) -> tuple[Clock, ...]:
        """The clocks that run on a channel's orders."""
        return self.clocks if self.channel(channel).clocks else ()


def priority_of(rules: Iterable[PriorityRule], traits: Traits) -> str:
    """The priority of the first rule that fits, else regular."""
    return next((rule.priority for rule in rules if holds(rule.when, traits)), "regular")


def is_surge(today: int, same_weekdays: Sequence[int], rule: Surge) -> bool:
    """Whether today's orders are a surge; where this weekday usually brings none, nothing is."""
    usual = median(same_weekdays) if same_weekdays else 0
    return usual > 0 and today > rule.times * usual
