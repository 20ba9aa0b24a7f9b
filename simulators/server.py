"""The only place that calls the server's REST API: registers what a run needs before it sends facts."""

from __future__ import annotations

import http.client
import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from urllib.parse import urlsplit

from simulators.errors import AlreadyRegisteredError, SimulatorError
from simulators.roads import Point

_TIMEOUT_S = 30.0


def rfc3339(at_s: float) -> str:
    """Write seconds since 1970 the way the API reads times."""
    return datetime.fromtimestamp(at_s, UTC).isoformat()


class Server:
    """A thin client over one kept-open connection; every method answers with the new thing's id."""

    def __init__(self, url: str, token: str) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise SimulatorError("the API's address must look like http://127.0.0.1:8000")
        kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
        self._connection = kind(parts.hostname, parts.port, timeout=_TIMEOUT_S)
        self._base = parts.path.rstrip("/")
        self._headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()

    def _post(self, path: str, body: Mapping[str, object]) -> str:
        content = json.dumps(body, ensure_ascii=False).encode()
        try:
            self._connection.request("POST", self._base + path, content, self._headers)
            response = self._connection.getresponse()
            answer = response.read()
        except (OSError, http.client.HTTPException) as exc:
            self._connection.close()
            raise SimulatorError(f"the API does not answer (POST {path}): is `zaitu api` running?") from exc
        said = answer[:500].decode(errors="replace")
        if response.status == http.HTTPStatus.CONFLICT:
            raise AlreadyRegisteredError(f"POST {path} names something that is there already: {said}")
        if response.status >= 300:
            raise SimulatorError(f"the API refused POST {path} with {response.status}: {said}")
        return str(json.loads(answer).get("id", ""))

    def add_depot(self, code: str, name: str) -> str:
        """Register a depot in China's time zone."""
        return self._post("/v1/depots", {"code": code, "name": name, "time_zone": "Asia/Shanghai"})

    def add_geofence(
        self, depot: str, name: str, purpose: str, geometry: Mapping[str, object], valid_from_s: float
    ) -> str:
        """Register a fence; `geometry` is GeoJSON."""
        body = {
            "depot_id": depot,
            "name": name,
            "purpose": purpose,
            "geometry": geometry,
            "valid_from": rfc3339(valid_from_s),
        }
        return self._post("/v1/geofences", body)

    def add_vehicle(self, depot: str, label: str) -> str:
        """Register a truck."""
        return self._post("/v1/vehicles", {"depot_id": depot, "label": label})

    def add_device(self, depot: str, name: str, kind: str, expected_interval_s: float) -> str:
        """Register a tracker or a scanner."""
        body = {"depot_id": depot, "name": name, "kind": kind, "expected_interval_s": expected_interval_s}
        return self._post("/v1/devices", body)

    def assign_to_vehicle(self, device: str, vehicle: str, from_s: float) -> None:
        """Let a device speak for a vehicle from a time on."""
        body = {"vehicle_id": vehicle, "from": rfc3339(from_s)}
        self._post(f"/v1/devices/{device}/assignments", body)

    def assign_to_operator(self, device: str, operator: str, from_s: float) -> None:
        """Let a device speak for an operator from a time on."""
        body = {"operator": operator, "from": rfc3339(from_s)}
        self._post(f"/v1/devices/{device}/assignments", body)

    def add_trip(
        self,
        vehicle: str,
        label: str,
        active_s: tuple[float, float],
        stops: Sequence[Mapping[str, object]],
        route: Sequence[Point],
    ) -> str:
        """Register a trip with its ordered stops and its route."""
        body = {
            "vehicle_id": vehicle,
            "label": label,
            "active_from": rfc3339(active_s[0]),
            "active_to": rfc3339(active_s[1]),
            "stops": list(stops),
            "route": {
                "type": "LineString",
                "coordinates": [[round(lon, 6), round(lat, 6)] for lat, lon in route],
            },
        }
        return self._post("/v1/trips", body)

    def add_order(
        self,
        depot: str,
        number: str,
        times_s: tuple[float, float],
        stops: Sequence[Mapping[str, object]],
        package_codes: Sequence[str],
        trip: str,
    ) -> str:
        """Register an order, received and promised at these times, that rides on a trip."""
        body = {
            "depot_id": depot,
            "number": number,
            "received_at": rfc3339(times_s[0]),
            "promised_at": rfc3339(times_s[1]),
            "stops": list(stops),
            "packages": [{"code": code} for code in package_codes],
            "legs": [{"trip_id": trip}],
        }
        return self._post("/v1/orders", body)
