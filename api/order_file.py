"""Orders from files: JSON lines, CSV and Excel become the same requests as single orders."""

from __future__ import annotations

import csv
import io
import json
import zlib
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, tzinfo
from itertools import islice
from typing import Any
from zipfile import BadZipFile, ZipFile

import openpyxl

CSV = "text/csv"
JSON_LINES = "application/x-ndjson"
EXCEL = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
LIST_SEPARATOR = ";"
MOST_ROWS = 5000
# Empty rows, and a header, are no orders.
MOST_SHEET_ROWS = 2 * MOST_ROWS
MOST_UNPACKED_BYTES = 64 * 1024 * 1024

# A table's columns besides those named as in the request: an item and the packages of one row.
_TIMES = frozenset({"ordered_at", "received_at", "promised_at", "production_at"})
_ITEM_COLUMNS = {
    "sku": "sku",
    "product": "name",
    "specification": "specification",
    "quantity": "quantity",
}


class UnreadableFile(Exception):
    """The file as a whole cannot be read; the message says why."""


class TooMuch(Exception):
    """The file has more rows, or unpacked more bytes, than are taken at once; the message says how many."""


class UnreadableRow(Exception):
    """A row cannot be read; the message says why."""


Row = dict[str, Any] | UnreadableRow
"""A row as the body of a request, or why it is none."""


def rows_of(content_type: str, content: bytes, zone: tzinfo) -> list[tuple[int, Row]]:
    """The rows of a file with the numbers of their lines.

    Text may be UTF-8 or, as Excel writes CSV in China, GB 18030. Tables' times without a zone are in `zone`.
    Raises UnreadableFile, and TooMuch.
    """
    try:
        if content_type == JSON_LINES:
            return _some(_json_lines(content))
        if content_type == CSV:
            return _some(_table(csv.reader(io.StringIO(_text(content), newline=""), strict=True), zone))
        if content_type == EXCEL:
            return _some(_table(_sheet(content), zone))
    except csv.Error as exc:
        raise UnreadableFile(f"the CSV cannot be read: {exc}") from exc
    raise UnreadableFile(f"send {JSON_LINES}, {CSV} or {EXCEL} as Content-Type")


def _some(rows: Iterator[tuple[int, Row]]) -> list[tuple[int, Row]]:
    found = list(islice(rows, MOST_ROWS + 1))
    if len(found) > MOST_ROWS:
        raise TooMuch(f"send at most {MOST_ROWS} rows at once")
    return found


def _text(content: bytes) -> str:
    for encoding in ("utf-8-sig", "gb18030"):
        try:
            return content.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise UnreadableFile("the text is neither UTF-8 nor GB 18030")


def _json_lines(content: bytes) -> Iterator[tuple[int, Row]]:
    # Not splitlines(): JSON's strings may hold what Unicode counts as the end of a line.
    for number, line in enumerate(_text(content).split("\n"), start=1):
        if line.strip():
            yield number, _json_row(line)


def _json_row(line: str) -> Row:
    try:
        row = json.loads(line)
    except (ValueError, RecursionError):
        return UnreadableRow("the row is no JSON")
    return row if isinstance(row, dict) else UnreadableRow("the row is no JSON object")


def _sheet(content: bytes) -> Iterator[list[object]]:
    """The rows of the first sheet, read whole: a broken one shows only on the way."""
    try:
        _refuse_bomb(content)
        book = openpyxl.load_workbook(io.BytesIO(content), read_only=True, data_only=True)
        rows = book.worksheets[0].iter_rows(values_only=True)
        return iter([[*row] for row in islice(rows, MOST_SHEET_ROWS)])
    except (BadZipFile, KeyError, ValueError, OSError, IndexError, SyntaxError, zlib.error) as exc:
        raise UnreadableFile("the file is no Excel workbook (.xlsx)") from exc


def _refuse_bomb(content: bytes) -> None:
    """A few kilobytes can unpack to gigabytes: the archive says to how many before any is unpacked.

    Unpacking ends at the size that was said, so that saying less than there is helps nobody.
    """
    unpacked = sum(part.file_size for part in ZipFile(io.BytesIO(content)).infolist())
    if unpacked > MOST_UNPACKED_BYTES:
        raise TooMuch(f"the workbook unpacks to {unpacked} bytes; send at most {MOST_UNPACKED_BYTES} at once")


def _table(lines: Iterable[list[Any]], zone: tzinfo) -> Iterator[tuple[int, Row]]:
    """Rows under a header; the number is the line in the file."""
    header: list[str] = []
    for number, line in enumerate(lines, start=1):
        cells = ["" if cell is None else _plain(cell).strip() for cell in line]
        if not any(cells):
            continue
        if not header:
            header = _header(cells)
            continue
        unnamed = [cell for cell in cells[len(header) :] if cell]
        if unnamed:
            yield number, UnreadableRow(f"the row has more cells than the header's {len(header)} columns")
            continue
        yield number, _body(dict(zip(header, cells, strict=False)), zone)


def _header(cells: list[str]) -> list[str]:
    while not cells[-1]:
        cells.pop()
    twice = next((name for name in cells if cells.count(name) > 1), None)
    if twice is not None:
        raise UnreadableFile(
            f"the header has {twice!r} twice" if twice else "the header has a column without name"
        )
    return cells


def _plain(cell: object) -> str:
    """A cell as text; a whole number has no decimals, a time is in ISO form."""
    if isinstance(cell, float) and cell.is_integer():
        return str(int(cell))
    isoformat = getattr(cell, "isoformat", None)
    return str(isoformat()) if isoformat else str(cell)


def _body(cells: Mapping[str, str], zone: tzinfo) -> dict[str, Any]:
    """A row of a table as a request: `contact.name` goes into the contact, packages are separated by `;`."""
    body: dict[str, Any] = {}
    item = {field: cells[column] for column, field in _ITEM_COLUMNS.items() if cells.get(column)}
    if item:
        body["items"] = [item]
    for name, value in cells.items():
        head, dot, rest = name.partition(".")
        if not value or name in _ITEM_COLUMNS:
            continue
        if name == "packages":
            body["packages"] = [{"code": code.strip()} for code in value.split(LIST_SEPARATOR)]
        elif dot:
            part = body.setdefault(head, {})
            # Beside a column `contact`, `contact.name` has no place: what is left is refused for its form.
            if isinstance(part, dict):
                part[rest] = value
        else:
            body[name] = _in_zone(value, zone) if name in _TIMES else value
    return body


def _in_zone(text: str, zone: tzinfo) -> str:
    """A time with its zone: Excel's cells have none, and people write what the clock on their wall says."""
    try:
        moment = datetime.fromisoformat(text.replace("/", "-"))
    except ValueError:
        return text
    return (moment if moment.tzinfo else moment.replace(tzinfo=zone)).isoformat()
