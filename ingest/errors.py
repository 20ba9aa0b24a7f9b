"""What ends the ingest process, in words for the person who runs it."""

from __future__ import annotations


class IngestError(Exception):
    """Ingest cannot go on."""


class BrokerRefused(IngestError):
    """The broker does not let ingest in, or not where it must listen."""
