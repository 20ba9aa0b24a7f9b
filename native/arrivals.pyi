import numpy as np
from numpy.typing import NDArray

class ArrivalTable:
    """Pace profiles and stops of r routes, laid out in columns for the arrivals of many vehicles.

    The profile of route i is the knots `knot_starts[i]:knot_starts[i + 1]`: driving seconds `knots_s` from
    the start at `knots_m` metres (increasing), straight in between. Its stops are
    `stop_starts[i]:stop_starts[i + 1]`, in order: metres along it, seconds of service, and the epoch second
    nobody leaves before (minus infinity for none). Raises ValueError for columns that do not fit together,
    profiles that do not increase, and NaN.
    """

    def __init__(
        self,
        knot_starts: NDArray[np.int64],
        knots_m: NDArray[np.float64],
        knots_s: NDArray[np.float64],
        stop_starts: NDArray[np.int64],
        stops_m: NDArray[np.float64],
        services_s: NDArray[np.float64],
        held_until_s: NDArray[np.float64],
    ) -> None: ...
    def arrivals(
        self,
        now_s: float,
        routes: NDArray[np.int64],
        distances_m: NDArray[np.float64],
        next_stops: NDArray[np.int64],
        leaves_s: NDArray[np.float64],
        floors_s: NDArray[np.float64],
        share: float,
        median_offset: float,
        late_offset: float,
    ) -> tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
        """For n vehicles `(starts, raw_s, p50_s, p90_s)`: vehicle i has rows `starts[i]:starts[i + 1]`.

        A vehicle is `distances_m` along its route and drives on at `leaves_s` (epoch s). The spread of an
        arrival is the vehicle's floor plus `share` of the time to go; the quantiles are as many spreads after
        the raw arrival as the offsets say, never before `now_s` and never before those of an earlier stop.
        Raises ValueError for columns of unequal length, NaN, and routes or stops there are none of.
        """
