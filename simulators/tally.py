"""An exact count of what was sent, so that what the server kept can be held against it."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import TextIO

from simulators.messages import Message

_NOT_REASONS = ("stored", "duplicate", "quarantined")


class Tally:
    """Counts messages the broker confirmed, and the fate each fact in them must have met."""

    def __init__(self) -> None:
        self.messages = 0
        self.lost = 0
        self.resent = 0
        self.kinds: Counter[str] = Counter()
        self.faults: Counter[str] = Counter()
        self.fates: Counter[str] = Counter()

    def add(self, message: Message) -> None:
        """Count one confirmed message."""
        self.messages += 1
        self.fates.update(message.fates)
        self.kinds[message.kind] += sum(message.fates.values())
        self.faults.update(message.faults)

    def lose(self, message: Message) -> None:
        """Count a message that is never sent."""
        self.lost += len(message.items)
        self.faults.update(message.faults)

    def report(self, unconfirmed: int) -> dict[str, object]:
        """Figures as plain JSON; lost = `facts` - (stored + duplicates + rejected + quarantined) at ingest.

        `never_sent` facts are those the loss meter must find missing. In no other figure are `resent` facts,
        which went out again for want of a receipt, and `unconfirmed` messages, which were handed to the
        broker without an answer.
        """
        reasons = {name: count for name, count in sorted(self.fates.items()) if name not in _NOT_REASONS}
        return {
            "messages": self.messages,
            "unconfirmed": unconfirmed,
            "never_sent": self.lost,
            "resent": self.resent,
            "facts": sum(self.fates.values()),
            "stored": self.fates["stored"],
            "duplicates": self.fates["duplicate"],
            "quarantined": self.fates["quarantined"],
            "rejected": sum(reasons.values()),
            "reasons": reasons,
            "kinds": dict(sorted(self.kinds.items())),
            "faults": dict(sorted(self.faults.items())),
        }


class ReportFile:
    """A file of one JSON object per line, each complete; the last has `"final": true`."""

    def __init__(self, path: Path | None) -> None:
        self._file: TextIO | None = None
        if path is not None:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._file = path.open("w", encoding="utf-8")

    def write(self, report: dict[str, object], *, final: bool = False) -> None:
        """Append one line, at once visible to a reader."""
        if self._file is not None:
            self._file.write(json.dumps({**report, "final": final}, ensure_ascii=False) + "\n")
            self._file.flush()

    def close(self) -> None:
        """Close the file."""
        if self._file is not None:
            self._file.close()
