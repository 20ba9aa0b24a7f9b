import numpy as np
from numpy.typing import NDArray

class FenceGrid:
    """An immutable grid over fence versions: which contain a point, and how far the edge is.

    Columns: per version its fence id, validity (epoch s, the end excluded), radius (m, 0 for polygons) and
    half width (m); its rings are `version_ring_starts[v]:version_ring_starts[v + 1]` of `ring_starts`, ring r
    the points `ring_starts[r]:ring_starts[r + 1]`, closed, of `lons` and `lats` (degrees). Versions are
    sorted by fence, then by start, and one fence's do not overlap in time. Raises ValueError for columns that
    do not fit together.
    """

    def __init__(
        self,
        fence_ids: NDArray[np.int64],
        valid_from_s: NDArray[np.float64],
        valid_until_s: NDArray[np.float64],
        lons: NDArray[np.float64],
        lats: NDArray[np.float64],
        ring_starts: NDArray[np.int64],
        version_ring_starts: NDArray[np.int64],
        radii_m: NDArray[np.float64],
        half_widths_m: NDArray[np.float64],
    ) -> None: ...
    def over(self, hidden: NDArray[np.int64], extra: FenceGrid) -> FenceGrid:
        """A grid without the fences of these ids and with all of another's, sharing the memory of both.

        The versions of the other are numbered after those of this one, which keep theirs. Raises ValueError
        if one of the two was made this way itself.
        """

    def containing(self, lat: float, lon: float, at_s: float) -> list[int]:
        """The ids of the fences that contain a point (degrees) at a time (epoch s), ascending."""

    def query(
        self, lats: NDArray[np.float64], lons: NDArray[np.float64], times_s: NDArray[np.float64]
    ) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Pairs (point, version), by point and then fence, for n points (degrees) and times (epoch s).

        Raises ValueError for columns of unequal length, NaN, and points not on Earth.
        """

    def signed_distance_m(self, version: int, lat: float, lon: float) -> float:
        """Metres to a version's nearest edge, negative inside. Raises IndexError for a version there is none
        of.
        """
