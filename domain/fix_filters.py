"""Which fixes to believe: the limits of the fold's filters, for each kind of device. Values, never code."""

from __future__ import annotations

from dataclasses import dataclass, field, fields


@dataclass(frozen=True, slots=True)
class FixLimits:
    """The limits for one kind of device; a company sets them in its rules.

    A jump faster than max_speed_mps is in doubt until `insisting` fixes in a row say the same place. A fix
    worse than max_accuracy_m is a position by mobile network cell. A fix that claims frozen_speed_mps or more
    and repeats, to the last digit, the place of the frozen_fixes fixes before it is a receiver that hangs.
    """

    max_speed_mps: float = 70.0
    max_accuracy_m: float = 500.0
    insisting: int = 3
    frozen_fixes: int = 3
    frozen_speed_mps: float = 3.0

    def __post_init__(self) -> None:
        for limit in fields(self):
            if not getattr(self, limit.name) > 0:
                raise ValueError(f"the filters' {limit.name} must be above 0")


@dataclass(frozen=True, slots=True)
class FixFilters:
    """The limits by kind of device."""

    tracker: FixLimits = field(default_factory=FixLimits)
    scanner: FixLimits = field(default_factory=FixLimits)

    def of(self, kind: str) -> FixLimits:
        """The limits for a kind of device."""
        return self.scanner if kind == "scanner" else self.tracker
