import numpy as np
from numpy.typing import NDArray

from native.fences import FenceGrid

class CrossingFold:
    """State per slot and fence, and the fold of fixes into crossings: the rule of geo/crossings.py."""

    def __init__(
        self,
        grid: FenceGrid,
        default_accuracy_m: float,
        min_accuracy_m: float,
        max_accuracy_m: float,
        enter_accuracies: float,
        exit_accuracies: float,
        enter_dwell_s: float,
        exit_dwell_s: float,
        pass_max_gap_s: float,
        pass_max_gap_m: float,
    ) -> None: ...
    def process(
        self,
        slots: NDArray[np.int64],
        times_s: NDArray[np.float64],
        lats: NDArray[np.float64],
        lons: NDArray[np.float64],
        accuracies_m: NDArray[np.float64],
    ) -> tuple[
        NDArray[np.int64],
        NDArray[np.int64],
        NDArray[np.int8],
        NDArray[np.float64],
        NDArray[np.float64],
        NDArray[np.int64],
        NDArray[np.float64],
        NDArray[np.float64],
    ]:
        """Fold n fixes in; returns the columns of `geo.crossings.Crossings`, in the order decided.

        Raises ValueError, and changes nothing, for columns of unequal length, NaN (except in accuracies),
        points not on Earth, slots out of range, and a slot's fixes not in order of time.
        """

    def save_state(self, slot: int) -> bytes:
        """The slot's state as bytes, which depend on nothing but the fixes it has seen."""

    def load_state(self, slot: int, state: bytes) -> None:
        """Replace the slot's state by a saved one. Raises ValueError for bytes that are not a state."""

    def clear(self, slot: int) -> None:
        """Forget the slot."""

    def replace_grid(self, grid: FenceGrid) -> None:
        """Judge from now on by other fences; states carry over by fence id."""
