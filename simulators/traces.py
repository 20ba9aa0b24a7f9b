"""Recorded traces: CSV files, plain or gzipped, as rows of time and position; unreadable ones are counted."""

from __future__ import annotations

import csv
import gzip
import math
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, tzinfo
from pathlib import Path
from typing import NamedTuple, TextIO

from simulators.errors import SimulatorError

_LAT_NAMES = ("lat", "latitude", "gps_lat", "y")
_LON_NAMES = ("lon", "lng", "long", "longitude", "gps_lon", "x")
_TIME_NAMES = (
    "ts",
    "timestamp",
    "time",
    "datetime",
    "date_time",
    "recorded_at",
    "device_time",
    "tmstmp",
    "epoch",
)
# A number this large counts milliseconds: as seconds it would be past the year 5000.
_MILLISECONDS_FROM = 1e11
_MOST_UNREADABLE_LINES = 20


@dataclass(frozen=True, slots=True)
class Columns:
    """Names of the columns to read; None: found by the usual names. Without `id` a file is one device."""

    lat: str | None = None
    lon: str | None = None
    time: str | None = None
    id: str | None = None


class Row(NamedTuple):
    """A recorded position: seconds since 1970, degrees."""

    at_s: float
    lat: float
    lon: float


@dataclass(slots=True)
class Trace:
    """What one device recorded, in the order of its file."""

    device: str
    file: str
    rows: list[Row] = field(default_factory=list)

    @property
    def first_s(self) -> float:
        """Earliest recorded time."""
        return min(row.at_s for row in self.rows)

    @property
    def last_s(self) -> float:
        """Latest recorded time."""
        return max(row.at_s for row in self.rows)


@dataclass(slots=True)
class Unreadable:
    """Rows that could not be read: how many and why, and the line numbers of the first of them."""

    reasons: Counter[str] = field(default_factory=Counter)
    lines: list[str] = field(default_factory=list)

    def add(self, file: str, line: int, reason: str) -> None:
        """Count one row."""
        self.reasons[reason] += 1
        if len(self.lines) < _MOST_UNREADABLE_LINES:
            self.lines.append(f"{file}:{line}: {reason}")


@dataclass(frozen=True, slots=True)
class TimeReader:
    """Reads epoch seconds or milliseconds, ISO 8601, or a strptime format; naive times are in `zone`."""

    zone: tzinfo
    time_format: str | None = None

    def read(self, text: str) -> float:
        """Seconds since 1970; ValueError when the text is no time."""
        if self.time_format is None and re.fullmatch(r"\d+(\.\d+)?", text):
            number = float(text)
            return number / 1000 if number >= _MILLISECONDS_FROM else number
        if self.time_format is None:
            moment = datetime.fromisoformat(text)
        else:
            moment = datetime.strptime(text, self.time_format)  # noqa: DTZ007 - the zone is added below
        return (moment if moment.tzinfo else moment.replace(tzinfo=self.zone)).timestamp()


def _open(path: Path) -> TextIO:
    try:
        if path.suffix == ".gz":
            return gzip.open(path, "rt", encoding="utf-8-sig", errors="replace", newline="")
        return path.open(encoding="utf-8-sig", errors="replace", newline="")
    except OSError as exc:
        raise SimulatorError(f"cannot read {path}: {exc.strerror}") from exc


def _column(header: Sequence[str], wanted: str | None, usual: Sequence[str], option: str) -> str:
    if wanted is not None:
        if wanted not in header:
            raise SimulatorError(f"no column {wanted!r} for {option}; there are {', '.join(header)}")
        return wanted
    by_lower = {name.strip().lower(): name for name in header}
    for name in usual:
        if name in by_lower:
            return by_lower[name]
    raise SimulatorError(f"cannot tell which column {option} is; name it: {', '.join(header)}")


def _resolve(header: Sequence[str], columns: Columns) -> Columns:
    return Columns(
        lat=_column(header, columns.lat, _LAT_NAMES, "--lat"),
        lon=_column(header, columns.lon, _LON_NAMES, "--lon"),
        time=_column(header, columns.time, _TIME_NAMES, "--time"),
        id=None if columns.id is None else _column(header, columns.id, (), "--id"),
    )


def _degrees(record: Mapping[str, str | None], column: str | None) -> float:
    value = float(record[column or ""] or "")
    if not math.isfinite(value):
        raise ValueError(value)
    return value


def _read_row(record: Mapping[str, str | None], columns: Columns, times: TimeReader) -> Row | str:
    """Answer with the row, or with the reason why it is none."""
    try:
        lat, lon = _degrees(record, columns.lat), _degrees(record, columns.lon)
    except ValueError:
        return "no position"
    try:
        at_s = times.read((record[columns.time or ""] or "").strip())
    except (ValueError, OverflowError):
        return "no time"
    return Row(at_s, lat, lon)


def _device_name(text: str) -> str:
    return re.sub(r"[^A-Za-z0-9_-]+", "-", text).strip("-") or "trace"


def _stem(path: Path) -> str:
    return path.name.removesuffix(".gz").rsplit(".", 1)[0]


def _records(path: Path, columns: Columns) -> Iterator[tuple[int, Columns, dict[str, str | None]]]:
    with _open(path) as file:
        reader = csv.DictReader(file)
        try:
            known = _resolve(reader.fieldnames or (), columns)
        except SimulatorError as exc:
            raise SimulatorError(f"{path.name}: {exc}") from exc
        try:
            for record in reader:
                yield reader.line_num, known, record
        except (OSError, EOFError, csv.Error) as exc:
            raise SimulatorError(f"{path.name} cannot be read past line {reader.line_num}: {exc}") from exc


def read_traces(
    paths: Sequence[Path], columns: Columns, times: TimeReader, prefix: str = ""
) -> tuple[list[Trace], Unreadable]:
    """Read files into one trace per file, or per value of the id column; and what could not be read.

    Device names are the prefix and the file's name or the id, made fit for a topic; devices of two files that
    would share a name get a number.
    """
    traces: list[Trace] = []
    unreadable = Unreadable()
    taken: set[str] = set()
    for path in paths:
        of_file: dict[str, Trace] = {}
        for line, known, record in _records(path, columns):
            row = _read_row(record, known, times)
            if isinstance(row, str):
                unreadable.add(path.name, line, row)
                continue
            source = _stem(path) if known.id is None else record[known.id] or "unnamed"
            if source not in of_file:
                of_file[source] = Trace(_free_name(prefix + _device_name(source), taken), path.name)
            of_file[source].rows.append(row)
        traces.extend(of_file.values())
    return traces, unreadable


def _free_name(wanted: str, taken: set[str]) -> str:
    name, number = wanted[:64], 1
    while name in taken:
        number += 1
        name = f"{wanted[:60]}-{number}"
    taken.add(name)
    return name
