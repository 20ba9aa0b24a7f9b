"""Encryption at rest of what names people, and the blind index that finds a phone number again."""

from __future__ import annotations

import hmac
import os
from collections.abc import Callable
from hashlib import sha256

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from store.errors import StoreError
from store.keyring import KeyRing, derived

_KEY_ID_BYTES = 2
_NONCE_BYTES = 12
_TAG_BYTES = 16
LONGER_BY = _KEY_ID_BYTES + _NONCE_BYTES + _TAG_BYTES
"""How many bytes a ciphertext has more than its text."""


class Undecipherable(StoreError):
    """A stored ciphertext does not open: another key, another context, or damaged bytes."""


class Cipher:
    """AES-256-GCM under a ring of keys; as key id (2 bytes, big-endian), nonce (12), text, tag (16).

    `context` is authenticated but not stored: it ties a ciphertext to its place (table and column, say), so
    that it does not open when copied to another. `reload` is asked for the ring again when a key is missing:
    another process may have added one.
    """

    def __init__(
        self, keys: bytes | KeyRing, key_id: int = 1, reload: Callable[[], KeyRing] | None = None
    ) -> None:
        self._reload = reload
        self._use(KeyRing.of(keys, key_id) if isinstance(keys, bytes) else keys)

    @classmethod
    def kept(cls, read: Callable[[], str]) -> Cipher:
        """The cipher of the ring whose text `read` returns, now and later; raises WrongKeys."""
        return cls(KeyRing.parse(read()), reload=lambda: KeyRing.parse(read()))

    @property
    def key_id(self) -> int:
        """The id of the key that seals."""
        return self._newest

    def encrypt(self, plaintext: bytes, context: bytes) -> bytes:
        """Encrypt under a fresh nonce: the same plaintext never gives the same bytes twice."""
        prefix = self._prefix
        nonce = os.urandom(_NONCE_BYTES)
        return prefix + nonce + self._sealing.encrypt(nonce, plaintext, prefix + context)

    def decrypt(self, ciphertext: bytes, context: bytes) -> bytes:
        """Open what `encrypt` made with a key of the ring and the same context; Undecipherable otherwise."""
        prefix, sealed = ciphertext[:_KEY_ID_BYTES], ciphertext[_KEY_ID_BYTES:]
        aead = self._aead_of(int.from_bytes(prefix, "big"))
        try:
            return aead.decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], prefix + context)
        except (InvalidTag, ValueError) as exc:
            raise Undecipherable(
                "The ciphertext does not open with this key. Use the data key this database was written with."
            ) from exc

    def seal_texts(self, texts: dict[str, str | None], context: bytes) -> bytes | None:
        """Encrypt the texts there are, by name; None where there is none."""
        given = {name: text for name, text in texts.items() if text is not None}
        return self.encrypt(msgspec.json.encode(given), context) if given else None

    def blind_index(self, value: bytes) -> bytes:
        """A keyed hash (HMAC-SHA-256) by which an encrypted value can be looked up without decrypting it."""
        return hmac.new(self._index_key, value, sha256).digest()

    def _aead_of(self, key_id: int) -> AESGCM:
        if key_id not in self._aeads and self._reload is not None:
            self._use(self._reload())
        aead = self._aeads.get(key_id)
        if aead is None:
            raise Undecipherable(
                f"Encrypted under key {key_id}, but the key in use is {self._newest}. "
                "Use the data key this database was written with."
            )
        return aead

    def _use(self, ring: KeyRing) -> None:
        self._aeads = {key_id: AESGCM(derived(key, b"zaitu encryption")) for key_id, key in ring.keys.items()}
        self._newest = ring.newest
        self._prefix = ring.newest.to_bytes(_KEY_ID_BYTES, "big")
        self._sealing = self._aeads[ring.newest]
        self._index_key = ring.index_key
