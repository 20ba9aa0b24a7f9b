"""A geocoder on loopback that answers as Nominatim does: real HTTP, places of our own."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit


@dataclass
class LocalGeocoder:
    """What it knows by a part of the query, what it was asked, and the status it answers with."""

    url: str = ""
    places: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    status: int = 200

    def knows(self, part: str, *points: tuple[float, float], rank: int = 30) -> None:
        self.places[part] = [
            {"lat": str(lat), "lon": str(lon), "display_name": f"{part}, 苏州市", "place_rank": rank}
            for lat, lon in points
        ]


@contextmanager
def local_geocoder() -> Iterator[LocalGeocoder]:
    geocoder = LocalGeocoder()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            query = parse_qs(urlsplit(self.path).query)["q"][0]
            geocoder.asked.append(query)
            found = [places for part, places in geocoder.places.items() if part in query]
            body = json.dumps(found[0] if found else []).encode()
            self.send_response(geocoder.status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    geocoder.url = f"http://127.0.0.1:{server.server_port}"
    serving = threading.Thread(target=server.serve_forever)
    serving.start()
    try:
        yield geocoder
    finally:
        server.shutdown()
        serving.join()
        server.server_close()
