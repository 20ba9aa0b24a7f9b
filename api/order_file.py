"""Orders from files: JSON lines, CSV and Excel become the same requests as single orders."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any
from zipfile import BadZipFile

import openpyxl

CSV = "text/csv"
JSON_LINES = "application/x-ndjson"
EXCEL = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
LIST_SEPARATOR = ";"

# A table's columns besides those named as in the request: an item and the packages of one row.
_ITEM_COLUMNS = {
    "sku": "sku",
    "product": "name",
    "specification": "specification",
    "quantity": "quantity",
}


class UnreadableFile(Exception):
    """The file as a whole cannot be read; the message says why."""


def rows_of(content_type: str, content: bytes) -> Iterator[tuple[int, object]]:
    """The rows of a file with their numbers, as bodies of requests; a row that is no object stays what it is.

    Raises UnreadableFile.
    """
    if content_type == JSON_LINES:
        return _json_lines(content)
    if content_type == CSV:
        return _table(csv.reader(io.StringIO(_text(content), newline="")))
    if content_type == EXCEL:
        return _table(_sheet(content))
    raise UnreadableFile(f"send {JSON_LINES}, {CSV} or {EXCEL} as Content-Type")


def _text(content: bytes) -> str:
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as exc:
        raise UnreadableFile("the text is not UTF-8") from exc


def _json_lines(content: bytes) -> Iterator[tuple[int, object]]:
    for number, line in enumerate(_text(content).splitlines(), start=1):
        if line.strip():
            try:
                yield number, json.loads(line)
            except json.JSONDecodeError:
                yield number, None


def _sheet(content: bytes) -> Iterator[list[object]]:
    try:
        book = openpyxl.load_workbook(io.BytesIO(content), read_only=True, data_only=True)
    except (BadZipFile, KeyError, ValueError, OSError) as exc:
        raise UnreadableFile("the file is no Excel workbook (.xlsx)") from exc
    sheet = book.worksheets[0]
    return ([*row] for row in sheet.iter_rows(values_only=True))


def _table(lines: Iterable[list[Any]]) -> Iterator[tuple[int, object]]:
    """Rows under a header; the number is the line in the file."""
    header: list[str] = []
    for number, line in enumerate(lines, start=1):
        cells = ["" if cell is None else _plain(cell) for cell in line]
        if not any(cells):
            continue
        if not header:
            header = [cell.strip() for cell in cells]
            continue
        yield number, _body({name: cell.strip() for name, cell in zip(header, cells, strict=False)})


def _plain(cell: object) -> str:
    """A cell as text; a whole number has no decimals, a time is in ISO form."""
    if isinstance(cell, float) and cell.is_integer():
        return str(int(cell))
    isoformat = getattr(cell, "isoformat", None)
    return str(isoformat()) if isoformat else str(cell)


def _body(cells: Mapping[str, str]) -> dict[str, object]:
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
            body.setdefault(head, {})[rest] = value
        else:
            body[name] = value
    return body
