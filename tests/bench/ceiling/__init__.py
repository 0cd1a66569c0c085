"""The ceiling: what PostgreSQL alone does with the same rows, asked by pgbench."""

import re
import subprocess
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import psycopg

HERE = Path(__file__).parent
FIRST_PRODUCT = "SELECT id FROM orders_product WHERE sku = '10001'"


def prepare(url: str) -> None:
    """Create the tables of the ceiling in the database of `url`."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute((HERE / "schema.sql").read_bytes())


def measure(
    *, binaries: Path, url: str, clients: int, seconds: float, script: str = "same_tables"
) -> float:
    """Return the orders per second that pgbench places with so many clients.

    `same_tables` writes into the shop's tables, `steps` and `hot` into the leaner ones of
    schema.sql.
    """
    parts = urlsplit(url)
    host = parse_qs(parts.query).get("host", [parts.hostname or ""])[0]
    command = [
        *(str(binaries / "pgbench"), "--no-vacuum", "--protocol=prepared"),
        *(_first_product(url) if script == "same_tables" else ()),
        *("--file", str(HERE / f"{script}.sql")),
        *("--client", str(clients), "--jobs", str(min(clients, 2))),
        *("--time", str(max(1, round(seconds)))),
        *("--host", host, "--port", str(parts.port or 5432)),
        *("--username", parts.username or "", parts.path.lstrip("/")),
    ]
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=seconds + 120, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]
    found = re.search(r"^tps = ([\d.]+)", done.stdout, re.MULTILINE)
    assert found is not None, done.stdout
    return float(found[1])


def _first_product(url: str) -> tuple[str, str]:
    with psycopg.connect(url) as connection:
        ((first,),) = connection.execute(FIRST_PRODUCT).fetchall()
    return "--define", f"first_product={first}"
