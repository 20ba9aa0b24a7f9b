"""Encryption at rest of what names people, and the blind index that finds a phone number again."""

from __future__ import annotations

import hmac
import os
from hashlib import sha256

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from store.errors import StoreError

KEY_BYTES = 32
_KEY_ID_BYTES = 2
_NONCE_BYTES = 12


class Undecipherable(StoreError):
    """A stored ciphertext does not open: another key, another context, or damaged bytes."""


class Cipher:
    """AES-256-GCM under one key; a ciphertext is key id (2 bytes, big-endian), nonce (12), text and tag (16).

    `context` is authenticated but not stored: it ties a ciphertext to its place (table and column, say), so
    that it does not open when copied to another.
    """

    def __init__(self, key: bytes, key_id: int = 1) -> None:
        if len(key) != KEY_BYTES:
            raise ValueError(f"the data key must be {KEY_BYTES} bytes, not {len(key)}")
        self.key_id = key_id
        self._aead = AESGCM(_derive(key, b"zaitu encryption"))
        self._index_key = _derive(key, b"zaitu blind index")

    def encrypt(self, plaintext: bytes, context: bytes) -> bytes:
        """Encrypt under a fresh nonce: the same plaintext never gives the same bytes twice."""
        prefix = self._prefix()
        nonce = os.urandom(_NONCE_BYTES)
        return prefix + nonce + self._aead.encrypt(nonce, plaintext, prefix + context)

    def decrypt(self, ciphertext: bytes, context: bytes) -> bytes:
        """Open what `encrypt` made with the same key and context; Undecipherable otherwise."""
        prefix, sealed = ciphertext[:_KEY_ID_BYTES], ciphertext[_KEY_ID_BYTES:]
        if prefix != self._prefix():
            raise Undecipherable(
                f"Encrypted under key {int.from_bytes(prefix, 'big')}, but the key in use is {self.key_id}. "
                "Use the data key this database was written with."
            )
        try:
            return self._aead.decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], prefix + context)
        except (InvalidTag, ValueError) as exc:
            raise Undecipherable(
                "The ciphertext does not open with this key. Use the data key this database was written with."
            ) from exc

    def blind_index(self, value: bytes) -> bytes:
        """A keyed hash (HMAC-SHA-256) by which an encrypted value can be looked up without decrypting it."""
        return hmac.new(self._index_key, value, sha256).digest()

    def _prefix(self) -> bytes:
        return self.key_id.to_bytes(_KEY_ID_BYTES, "big")


def _derive(key: bytes, purpose: bytes) -> bytes:
    return HKDF(algorithm=SHA256(), length=KEY_BYTES, salt=None, info=purpose).derive(key)
