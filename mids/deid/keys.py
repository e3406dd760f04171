"""The secret key of pseudonyms: made with safe permissions, outside every dataset, never printed."""

import hashlib
import os
import secrets
import stat
from dataclasses import dataclass, field
from pathlib import Path

from platformdirs import user_config_path

from mids.errors import MidsError
from mids.resources import waits_for_another

_LONGEST = 1024
"""Bytes that are read of what may be a key, or a device without an end."""

LENGTH = 32
"""Bytes of a key: more bring nothing to HMAC-SHA256 (RFC 2104)."""


@dataclass(frozen=True, slots=True)
class Key:
    """A secret; its text form shows nothing of it."""

    secret: bytes = field(repr=False)

    @property
    def digest(self) -> str:
        """What the journal keeps to notice another key: SHA-256 over the secret and a purpose."""
        return hashlib.sha256(b"mids journal\x00" + self.secret).hexdigest()

    @property
    def fingerprint(self) -> str:
        """What tells keys apart and says nothing of them: the first 16 digits of `digest`."""
        return show_fingerprint(self.digest)


def show_fingerprint(digest: str) -> str:
    """A digest of a key as people compare it: four groups of four digits."""
    return "-".join(digest[start : start + 4] for start in range(0, 16, 4))


def default_path() -> Path:
    """Where the default key lives: the user's configuration folder."""
    return user_config_path("mids") / "key"


def draw() -> Key:
    """A new key that is not saved."""
    return Key(secrets.token_bytes(LENGTH))


def create(path: Path) -> Key:
    """Writes a new key as hex, readable by its owner only.

    Raises `MidsError` where the file exists or can't be written.
    """
    key = draw()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, stat.S_IRUSR | stat.S_IWUSR)
    except FileExistsError as error:
        raise MidsError(f"{path} already exists, and a key is never overwritten: give another name") from error
    except OSError as error:
        raise MidsError(f"can't write the key {path} ({error.strerror}): give another file") from error
    with os.fdopen(handle, "w", encoding="ascii") as stream:
        stream.write(key.secret.hex() + "\n")
        stream.flush()
        os.fsync(stream.fileno())  # a dataset without its key can't be continued
    return key


def load(path: Path) -> Key:
    """Reads a key; raises `MidsError` if the file is absent, unreadable, not a key, or open to others."""
    try:
        if waits_for_another(path):
            raise MidsError(f"the key {path} is a named pipe: give a file")
        if os.name == "posix" and path.is_file() and path.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO):
            raise MidsError(f"others can read the key {path}, and undo pseudonyms with it: run  chmod 600 {path}")
        with path.open("rb") as stream:
            secret = bytes.fromhex(stream.read(_LONGEST).decode("ascii").strip())
    except FileNotFoundError as error:
        raise MidsError(f"the key {path} does not exist: make one with  mids key new {path}") from error
    except OSError as error:
        raise MidsError(f"can't read the key {path} ({error.strerror}): check its permissions") from error
    except ValueError as error:
        raise MidsError(f"{path} is not a key: make one with  mids key new FILE") from error
    if len(secret) != LENGTH:
        raise MidsError(f"{path} is not a key of {LENGTH} bytes: make one with  mids key new FILE")
    return Key(secret)


def find(path: Path | None) -> tuple[Key, Path, bool]:
    """The key to use, where it is, and whether it was made just now (only the default key ever is)."""
    if path is not None:
        return load(path), path, False
    place = default_path()
    return (load(place), place, False) if place.exists() else (create(place), place, True)
