import numpy as np
from numpy.typing import NDArray

class ProgressFold:
    """State per slot and the fold of fixes into progress; the rule is told in geo/progress.py."""

    def __init__(
        self,
        default_accuracy_m: float,
        max_speed_mps: float,
        slack_m: float,
        off_route_m: float,
        ambiguity_m: float,
        acquire_m: float,
        behind_m: float,
        reverse_m: float,
    ) -> None: ...
    def assign(
        self,
        slot: int,
        lats: NDArray[np.float64],
        lons: NDArray[np.float64],
        distances_m: NDArray[np.float64],
        from_m: float,
    ) -> None:
        """Put a vehicle at `from_m` of a route, whose columns must not change from now on."""

    def advance(
        self,
        slots: NDArray[np.int64],
        times_s: NDArray[np.float64],
        lats: NDArray[np.float64],
        lons: NDArray[np.float64],
        accuracies_m: NDArray[np.float64],
    ) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64], NDArray[np.bool_]]:
        """Fold n fixes in; returns the columns of `geo.progress.Progress`.

        Raises ValueError, and changes nothing, for columns of unequal length, NaN (except in accuracies),
        points not on Earth, slots without a route, and a slot's fixes not in order of time.
        """

    def save_state(self, slot: int) -> bytes:
        """The slot's progress as bytes, without its route."""

    def load_state(self, slot: int, state: bytes) -> None:
        """Replace the progress of a slot that has its route. Raises ValueError for bytes that are not a
        state.
        """

    def clear(self, slot: int) -> None:
        """Forget the slot and its route."""
