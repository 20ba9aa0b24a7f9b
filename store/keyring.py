"""The keys personal data is encrypted under: the newest seals, all of them open."""

from __future__ import annotations

import base64
import binascii
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

KEY_BYTES = 32
MOST_KEY_ID = 0xFFFF
_INDEX = "index"


class WrongKeys(ValueError):
    """A text that is no key ring; the message says what is wrong, never what was given."""


@dataclass(frozen=True, slots=True)
class KeyRing:
    """Keys of 32 bytes by id (1 to 65535), and the one the blind index is made with, which outlives them."""

    keys: Mapping[int, bytes] = field(repr=False)
    index_key: bytes = field(repr=False)

    @classmethod
    def of(cls, key: bytes, key_id: int = 1) -> KeyRing:
        """A ring of one key; the index key is derived from it."""
        if len(key) != KEY_BYTES:
            raise WrongKeys(f"the data key must be {KEY_BYTES} bytes, not {len(key)}")
        return cls({key_id: key}, derived(key, b"zaitu blind index"))

    @classmethod
    def parse(cls, text: str) -> KeyRing:
        """Read `base64` (one key) or `2:base64,1:base64,index:base64`; raises WrongKeys."""
        if ":" not in text:
            return cls.of(_decoded(text))
        parts = [part.strip().partition(":") for part in text.split(",")]
        named = {name: _decoded(value) for name, _, value in parts}
        if len(named) != len(parts):
            raise WrongKeys("it names a key twice")
        index_key = named.pop(_INDEX, None)
        if not named or not all(name.isdecimal() and 0 < int(name) <= MOST_KEY_ID for name in named):
            raise WrongKeys("it must look like 2:<base64>,1:<base64>,index:<base64>, ids from 1 to 65535")
        keys = {int(name): key for name, key in named.items()}
        return cls(keys, index_key or derived(keys[min(keys)], b"zaitu blind index"))

    @property
    def newest(self) -> int:
        """The id of the key that seals."""
        return max(self.keys)

    def text(self) -> str:
        """The ring as `parse` reads it, the newest key first."""
        keys = [f"{key_id}:{_encoded(self.keys[key_id])}" for key_id in sorted(self.keys, reverse=True)]
        return ",".join([*keys, f"{_INDEX}:{_encoded(self.index_key)}"])

    def with_new_key(self) -> KeyRing:
        """The ring with one more, random key, which seals from now on."""
        if self.newest == MOST_KEY_ID:
            raise WrongKeys("the ring has used up its ids")
        return KeyRing({**self.keys, self.newest + 1: secrets.token_bytes(KEY_BYTES)}, self.index_key)

    def newest_only(self) -> KeyRing:
        """The ring without its older keys."""
        return KeyRing({self.newest: self.keys[self.newest]}, self.index_key)


def derived(key: bytes, purpose: bytes) -> bytes:
    """A key for one purpose (HKDF-SHA-256, RFC 5869)."""
    return HKDF(algorithm=SHA256(), length=KEY_BYTES, salt=None, info=purpose).derive(key)


def _decoded(text: str) -> bytes:
    try:
        key = base64.b64decode(text, validate=True)
    except binascii.Error as exc:
        raise WrongKeys("it must be base64") from exc
    if len(key) != KEY_BYTES:
        raise WrongKeys(f"it must be {KEY_BYTES} bytes in base64, not {len(key)}")
    return key


def _encoded(key: bytes) -> str:
    return base64.b64encode(key).decode("ascii")
