"""Passwords: Argon2id hashes, checked in the same time whether or not there is such a person."""

from __future__ import annotations

from functools import cache

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerifyMismatchError

SHORTEST_PASSWORD = 12
LONGEST_PASSWORD = 200
_hasher = PasswordHasher()


class WeakPassword(ValueError):
    """A password that would be guessed."""


def hash_password(password: str) -> str:
    """Hash a password of 12 to 200 characters, at least 5 of them different; WeakPassword otherwise."""
    if not SHORTEST_PASSWORD <= len(password) <= LONGEST_PASSWORD:
        raise WeakPassword(f"a password has {SHORTEST_PASSWORD} to {LONGEST_PASSWORD} characters")
    if len(set(password)) < 5:
        raise WeakPassword("a password has at least 5 different characters")
    return _hasher.hash(password)


def matches(password: str, password_hash: str | None) -> bool:
    """Whether a password is the one that was hashed; takes as long where there is no hash (None)."""
    try:
        return _hasher.verify(password_hash or _nobodys(), password) and password_hash is not None
    except (VerifyMismatchError, InvalidHashError):
        return False


@cache
def _nobodys() -> str:
    """What is checked where nobody has the login: an answer that came sooner would say so.

    Made when first needed, as it takes a while and every command would wait for it.
    """
    return _hasher.hash("nobody's password")
