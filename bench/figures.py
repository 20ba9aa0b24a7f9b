"""What a benchmark found, as JSON or as lines to read."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping


def write(figures: Mapping[str, object], *, as_json: bool) -> None:
    """Write the figures to standard output."""
    if as_json:
        sys.stdout.write(json.dumps(figures, indent=2) + "\n")
        return
    for name, value in figures.items():
        text = f"{value:,.3f}" if isinstance(value, float) else str(value)
        sys.stdout.write(f"{name:28} {text}\n")
