"""What processes cost: CPU by kind of process, memory, and statements by PostgreSQL's own count."""

import os
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import psycopg

TICKS = os.sysconf("SC_CLK_TCK")


def family(pid: int) -> list[int]:
    """Return a process and all that descend from it."""
    children: dict[int, list[int]] = {}
    for each in _processes():
        fields = _stat(each)
        if fields:
            children.setdefault(int(fields[1]), []).append(each)
    found, rest = [], [pid]
    while rest:
        found.append(rest.pop())
        rest += children.get(found[-1], [])
    return found


def cpu_seconds(pids: Mapping[str, int]) -> Counter[str]:
    """Return the CPU that each named process used so far, with its children, dead ones too."""
    used: Counter[str] = Counter()
    for name, pid in pids.items():
        for each in family(pid):
            fields = _stat(each)
            if fields:
                used[name] += sum(int(fields[place]) for place in (11, 12, 13, 14)) / TICKS
    return used


def shared_fairly_mb(pids: Iterable[int]) -> float:
    """Return the proportional set size (PSS) of processes, in MB."""
    total = 0
    for pid in pids:
        try:
            lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
        except OSError:
            continue
        total += sum(int(line.split()[1]) for line in lines if line.startswith("Pss:"))
    return total / 1024


def _processes() -> list[int]:
    return [int(name) for name in os.listdir("/proc") if name.isdigit()]


def _stat(pid: int) -> list[str]:
    """Return the fields of /proc/PID/stat from the state on: [1] parent, [11:15] CPU in ticks."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].split()
    except OSError:
        return []


class Statements:
    """pg_stat_statements of one database."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._ask("CREATE EXTENSION IF NOT EXISTS pg_stat_statements")

    def forget(self) -> None:
        """Begin to count anew."""
        self._ask("SELECT pg_stat_statements_reset()")

    def listed(self, *, role: str = "oms_web") -> list[tuple[str, int, float]]:
        """Return what a role has asked, most often first: text, calls, milliseconds in all."""
        rows: list[tuple[str, int, float]] = self._ask(
            "SELECT query, calls, total_exec_time FROM pg_stat_statements s"
            " JOIN pg_roles r ON r.oid = s.userid WHERE rolname = %s ORDER BY calls DESC",
            [role],
        )
        return rows

    def _ask(self, query: str, params: Any = None) -> list[Any]:
        with psycopg.connect(self._url, autocommit=True) as connection:
            cursor = connection.execute(query.encode(), params)
            return cursor.fetchall() if cursor.description else []
