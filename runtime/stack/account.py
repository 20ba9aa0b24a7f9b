"""Who the embedded servers run as, and where that account can keep its files.

PostgreSQL refuses to run as root and Mosquitto should not: started as root, both run as the system account
`zaitu`. Started as anybody else, they run as that user.
"""

import hashlib
import os
import pwd
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from runtime.stack.errors import StackError
from runtime.stack.loopback import exclusive

SYSTEM_ACCOUNT = "zaitu"
FALLBACK_PARENT = Path("/var/lib")


@dataclass(frozen=True)
class Account:
    """The user the servers run as; `switch` says whether running something means changing to it first."""

    uid: int
    gid: int
    switch: bool

    def run(self, command: Sequence[str | Path], timeout_s: float = 60) -> subprocess.CompletedProcess[str]:
        """Run a command as this account and return its result, output merged into `stdout`.

        The environment is a minimal one, so that nothing secret of the caller's reaches a daemon, and the
        command gets a session of its own, so that signals to the caller's do not reach it.
        """
        options: dict[str, object] = (
            {"user": self.uid, "group": self.gid, "extra_groups": []} if self.switch else {}
        )
        return subprocess.run(  # type: ignore[call-overload, no-any-return]
            [str(part) for part in command],
            **options,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env=_MINIMAL_ENVIRONMENT,
            cwd="/",
            start_new_session=True,
            timeout=timeout_s,
            check=False,
        )

    def can(self, access: str, path: Path) -> bool:
        """Say whether this account passes `test -r|-w|-x` (`access` is the letter) on a path."""
        return self.run(["test", f"-{access}", path]).returncode == 0

    def own_directory(self, path: Path) -> None:
        """Create a directory only this account (and root) can look into."""
        path.mkdir(parents=True, exist_ok=True)
        path.chmod(0o700)
        if self.switch:
            os.chown(path, self.uid, self.gid)

    def write(self, path: Path, text: str) -> None:
        """Write a file only this account (and root) can read; readers see the old content or the new."""
        draft = path.with_name(f"{path.name}.{os.getpid()}.new")
        with os.fdopen(
            os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8"
        ) as file:
            file.write(text)
        if self.switch:
            os.chown(draft, self.uid, self.gid)
        draft.replace(path)


_MINIMAL_ENVIRONMENT: Mapping[str, str] = {
    "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    "LANG": "C.UTF-8",
    "TZ": "UTC",
}


def server_account() -> Account:
    """Return the account the servers run as; started as root, it is made where it is missing."""
    if os.geteuid() != 0:
        return Account(os.geteuid(), os.getegid(), switch=False)
    try:
        entry = pwd.getpwnam(SYSTEM_ACCOUNT)
    except KeyError:
        _create_system_account()
        entry = pwd.getpwnam(SYSTEM_ACCOUNT)
    return Account(entry.pw_uid, entry.pw_gid, switch=True)


def _create_system_account() -> None:
    made = subprocess.run(
        ["/usr/sbin/useradd", "--system", "--user-group", "--no-create-home", "--home-dir", "/nonexistent",
         "--shell", "/usr/sbin/nologin", SYSTEM_ACCOUNT],
        capture_output=True,
        text=True,
        check=False,
    )  # fmt: skip
    already_there = 9
    if made.returncode not in (0, already_there):
        raise StackError(
            f"The servers must not run as root and the system account {SYSTEM_ACCOUNT!r} cannot be created "
            f"({made.stderr.strip()}): create it with `useradd --system {SYSTEM_ACCOUNT}`."
        )


def reachable_directory(path: Path, account: Account) -> Path:
    """Return a directory the account can use: `path`, or one under /var/lib that `path` becomes a link to.

    The second is for a checkout under a directory only root can enter, such as root's home. Several programs
    may ask at once: they take turns.
    """
    with exclusive(path.with_name(f"{path.name}.lock")):
        if not path.is_symlink():
            account.own_directory(path)
            if account.can("w", path) and account.can("x", path):
                return path.resolve()
            shutil.rmtree(path)
            fallback = FALLBACK_PARENT / f"zaitu-{hashlib.sha256(str(path).encode()).hexdigest()[:12]}"
            path.symlink_to(fallback)
    target = path.resolve()
    account.own_directory(target)
    if not account.can("w", target):
        raise StackError(
            f"The servers' account cannot write to {target}: free that directory or move the checkout."
        )
    return target
