"""Limits on guessing, counted in PostgreSQL: they hold while Redis is away, in all processes alike.

A count begins with the first try, is full after so many, and is forgotten when its time is over.
A refused try is not counted, so nobody is kept out for longer by knocking.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from math import ceil

from django.db import connection
from django.db.models import F
from django.utils.crypto import salted_hmac

from globalmart.core.models import TryCount

# One statement, so that tries at the same moment are all counted. No row comes back from a full
# count: its row is left as it is.
TAKE = """
INSERT INTO core_trycount AS known (scope, subject_digest, tries, began_at)
VALUES (%(scope)s, %(digest)s, 1, %(now)s)
ON CONFLICT (scope, subject_digest) DO UPDATE
   SET tries = CASE WHEN known.began_at <= %(oldest)s THEN 1 ELSE known.tries + 1 END,
       began_at = CASE WHEN known.began_at <= %(oldest)s THEN %(now)s ELSE known.began_at END
 WHERE known.began_at <= %(oldest)s OR known.tries < %(most)s
RETURNING tries
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limit:
    """At most `most` tries of one subject in `window`."""

    scope: str
    most: int
    window: timedelta


def take(*, limit: Limit, subject: str, now: datetime) -> int:
    """Count one try. Return 0, or the seconds to wait where the count is full already."""
    digest = _digest(limit, subject)
    told: dict[str, str | int | datetime] = {
        "scope": limit.scope,
        "digest": digest,
        "most": limit.most,
        "now": now,
        "oldest": now - limit.window,
    }
    with connection.cursor() as cursor:
        cursor.execute(TAKE, told)
        if cursor.fetchone() is not None:
            return 0
    full = TryCount.objects.filter(scope=limit.scope, subject_digest=digest).first()
    ends_at = now if full is None else full.began_at + limit.window
    return max(1, ceil((ends_at - now).total_seconds()))


def give_back(*, limit: Limit, subject: str) -> None:
    """Count one try less: it was no guess."""
    rows = TryCount.objects.filter(scope=limit.scope, subject_digest=_digest(limit, subject))
    rows.filter(tries__gt=0).update(tries=F("tries") - 1)


def _digest(limit: Limit, subject: str) -> str:
    return salted_hmac(f"tries.{limit.scope}", subject, algorithm="sha256").hexdigest()
