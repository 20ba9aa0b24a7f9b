"""Makes a scenario known to the server: fences and vehicles first, then each trip with its orders."""

from __future__ import annotations

from simulators.scenario import Scenario, Stop, Trip, Vehicle
from simulators.server import Server, rfc3339
from simulators.sites import all_sites

# Longer ago than any trip of a run began, so that its backlog finds everything in place.
_LONG_BEFORE_S = 86_400.0
_SCANNER_INTERVAL_S = 3600.0
_ORDER_AGE_S = 7200.0


def depot_code(run: str) -> str:
    """Code of the depot that all of a run belongs to."""
    return f"YRD-{run}"


class Enrolment:
    """Registers a run's things and remembers their ids; seconds count from the beginning of the run."""

    def __init__(self, server: Server, scenario: Scenario, began_at_s: float, interval_s: float) -> None:
        self._server = server
        self._scenario = scenario
        self._began_at_s = began_at_s
        self._interval_s = interval_s
        self._depot = ""
        self._geofences: dict[str, str] = {}
        self._vehicles: dict[int, str] = {}

    def register_fleet(self) -> None:
        """Register the depot, every site with its scanner, every vehicle with its tracker and scanner."""
        run = self._scenario.run
        self._depot = self._server.add_depot(depot_code(run), "Yangtze delta 长三角")
        for site in all_sites():
            self._geofences[site.key] = self._server.add_geofence(
                self._depot, site.name, site.purpose, site.fence, self._began_at_s - _LONG_BEFORE_S
            )
            self._add_scanner(self._scenario.site_scanner(site), f"op-{site.town}")
        for vehicle in self._scenario.vehicles:
            self._add_vehicle(vehicle)

    def _add_scanner(self, name: str, operator: str) -> None:
        device = self._server.add_device(self._depot, name, "scanner", _SCANNER_INTERVAL_S)
        self._server.assign_to_operator(device, operator, self._began_at_s - _LONG_BEFORE_S)

    def _add_vehicle(self, vehicle: Vehicle) -> None:
        known = self._server.add_vehicle(self._depot, vehicle.label)
        tracker = self._server.add_device(self._depot, vehicle.tracker, "tracker", self._interval_s)
        self._server.assign_to_vehicle(tracker, known, self._began_at_s - _LONG_BEFORE_S)
        self._add_scanner(vehicle.scanner, vehicle.driver)
        self._vehicles[vehicle.number] = known

    def register_trip(self, trip: Trip) -> None:
        """Register a trip and the orders it carries."""
        active_s = (self._began_at_s + trip.active_from_s, self._began_at_s + trip.active_to_s)
        stops = [self._trip_stop(trip, number) for number in range(len(trip.stops))]
        known = self._server.add_trip(
            self._vehicles[trip.vehicle.number], trip.label, active_s, stops, trip.route.points
        )
        received_s = self._began_at_s + trip.active_from_s - _ORDER_AGE_S
        order_stops = [self._order_stop(trip, number) for number in range(len(trip.stops))]
        for order in trip.orders:
            times_s = (received_s, self._began_at_s + order.promised_s)
            self._server.add_order(
                self._depot, order.number, times_s, order_stops, order.package_codes, known
            )

    def _trip_stop(self, trip: Trip, number: int) -> dict[str, object]:
        stop = trip.stops[number]
        return {
            "name": stop.site.name,
            "kind": _kind(trip, number),
            "geofence_id": self._geofences[stop.site.key],
            "lat": round(stop.site.point.lat, 6),
            "lon": round(stop.site.point.lon, 6),
            "planned_arrival_at": self._planned(stop),
            "planned_departure_at": rfc3339(self._began_at_s + stop.planned_departure_s),
            "service_s": stop.service_s,
        }

    def _order_stop(self, trip: Trip, number: int) -> dict[str, object]:
        stop = trip.stops[number]
        return {
            "kind": _kind(trip, number),
            "name": stop.site.name,
            "geofence_id": self._geofences[stop.site.key],
            "planned_at": self._planned(stop),
        }

    def _planned(self, stop: Stop) -> str:
        return rfc3339(self._began_at_s + stop.planned_arrival_s)


def _kind(trip: Trip, number: int) -> str:
    """What a stop is to its trip: on the way back, the customer is where it begins."""
    if number == 0:
        return "origin"
    return "destination" if number == len(trip.stops) - 1 else "hub"
