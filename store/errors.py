"""What can go wrong in the store, in the program's own words."""

from __future__ import annotations


class StoreError(Exception):
    """The store could not do what it was asked."""


class NotFound(StoreError):
    """The named thing does not exist, or the principal may not see it."""


class Conflict(StoreError):
    """The request contradicts what is already stored."""


class Unavailable(StoreError):
    """The database cannot be reached or is not taking work just now; trying again may succeed."""


class Unstorable(StoreError):
    """A value that no column takes: a NUL character in a text, a number or time out of range."""


class AlreadyWriting(StoreError):
    """Another ingest process holds the one-writer lock."""
