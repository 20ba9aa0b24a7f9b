"""Requests to the demo's own API."""

from __future__ import annotations

import json
import urllib.request
from dataclasses import dataclass, field
from typing import Any

_ANSWER_S = 30.0


@dataclass(frozen=True, slots=True)
class ApiCalls:
    """Asks the API as the installation's administrator; raises OSError where it refuses or is away."""

    url: str
    token: str = field(repr=False)

    def get(self, path: str) -> Any:
        """Read something."""
        return self._ask("GET", path)

    def post(self, path: str, body: object = None) -> Any:
        """Add something."""
        return self._ask("POST", path, body)

    def put(self, path: str, body: object) -> None:
        """Set something."""
        self._ask("PUT", path, body)

    def patch(self, path: str, body: object) -> Any:
        """Change something."""
        return self._ask("PATCH", path, body)

    def _ask(self, method: str, path: str, body: object = None) -> Any:
        content = None if body is None else json.dumps(body).encode()
        headers = {"Authorization": f"Bearer {self.token}", "Content-Type": "application/json"}
        request = urllib.request.Request(self.url + path, content, headers, method=method)
        with urllib.request.urlopen(request, timeout=_ANSWER_S) as response:
            answer = response.read()
        return json.loads(answer) if answer else None
