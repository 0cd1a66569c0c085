"""The account that PostgreSQL runs as when we are root: PostgreSQL itself refuses uid 0."""

import os
import pwd
import subprocess
from dataclasses import dataclass
from pathlib import Path


class NoAccount(Exception):
    """The database cannot be started as this user; the message says what to do."""


@dataclass(frozen=True, slots=True)
class Account:
    """An existing system account."""

    name: str
    uid: int
    gid: int

    def can_enter(self, folder: Path) -> bool:
        """Tell whether the account can reach and enter an existing folder."""
        test = subprocess.run(
            ["test", "-x", str(folder)],
            user=self.uid,
            group=self.gid,
            extra_groups=[],
            cwd="/",
            check=False,
        )
        return test.returncode == 0


def server_account() -> Account | None:
    """Return the account to run the database as, or None to run it as ourselves.

    Raises NoAccount: as root without `postgres` or `nobody`, or as a uid without a name.
    """
    if os.geteuid() != 0:
        try:
            pwd.getpwuid(os.geteuid())
        except KeyError:
            raise NoAccount(
                f"PostgreSQL does not start for uid {os.geteuid()}, which has no name in "
                "/etc/passwd. Run as a named user, or set DATABASE_URL to a server of yours."
            ) from None
        return None
    for name in ("postgres", "nobody"):
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return Account(name=name, uid=entry.pw_uid, gid=entry.pw_gid)
    raise NoAccount(
        "PostgreSQL does not run as root, and there is no account `postgres` or `nobody`. "
        "Run as an ordinary user, or set DATABASE_URL to a server of yours."
    )
