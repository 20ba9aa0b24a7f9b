from __future__ import annotations

import pytest

from store.cipher import Cipher, Undecipherable

KEY = bytes(range(32))


def test_what_was_encrypted_opens_again_and_never_looks_the_same_twice() -> None:
    cipher = Cipher(KEY)
    first, second = (
        cipher.encrypt("张伟".encode(), b"contact.name"),
        cipher.encrypt("张伟".encode(), b"contact.name"),
    )
    assert first != second
    assert Cipher(KEY).decrypt(first, b"contact.name") == "张伟".encode()


@pytest.mark.parametrize(
    ("other", "context"),
    [
        (Cipher(bytes(32)), b"contact.name"),
        (Cipher(KEY), b"contact.phone"),
        (Cipher(KEY, key_id=2), b"contact.name"),
    ],
    ids=["another key", "another place", "another key id"],
)
def test_it_opens_only_with_its_own_key_and_place(other: Cipher, context: bytes) -> None:
    with pytest.raises(Undecipherable):
        other.decrypt(Cipher(KEY).encrypt(b"secret", b"contact.name"), context)


@pytest.mark.parametrize("damage", [b"", b"\x00\x01", b"\x00\x01" + bytes(40)])
def test_damaged_bytes_are_refused(damage: bytes) -> None:
    with pytest.raises(Undecipherable):
        Cipher(KEY).decrypt(damage, b"contact.name")


def test_the_blind_index_is_stable_per_key() -> None:
    assert Cipher(KEY).blind_index(b"13800000000") == Cipher(KEY).blind_index(b"13800000000")
    assert Cipher(KEY).blind_index(b"13800000000") != Cipher(bytes(32)).blind_index(b"13800000000")


def test_a_key_of_the_wrong_length_is_refused() -> None:
    with pytest.raises(ValueError, match="32 bytes"):
        Cipher(b"short")
