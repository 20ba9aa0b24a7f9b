"""The files of a folder of recorded drives: known by their content, never by their names."""

from __future__ import annotations

import csv
import gzip
from collections.abc import Iterator
from pathlib import Path


def files(folder: Path) -> list[Path]:
    """All files of a folder and what is below it. Raises ValueError where there is no folder."""
    if not folder.is_dir():
        raise ValueError(f"there is no folder {folder}")
    return sorted(path for path in folder.rglob("*") if path.is_file())


def lines(path: Path) -> Iterator[str]:
    """The lines of a text file, gzipped or not; none of a file that is no text."""
    with path.open("rb") as file:
        opener = gzip.open if file.read(2) == b"\x1f\x8b" else open
    with opener(path, "rt", encoding="utf-8-sig", newline="") as file:
        try:
            yield from file
        except UnicodeDecodeError:
            return


def rows(path: Path) -> Iterator[dict[str, str]]:
    """The rows of a table with a line of names above it, by name; a missing value is empty."""
    yield from csv.DictReader(lines(path), restval="")
