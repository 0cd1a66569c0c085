"""manage.py audit"""

import json
import sqlite3
from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db import DatabaseError
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from globalmart.core.audit import SHOWN, Audit, Finding, MalformedInvariant, run_audit

FOUND, BROKEN = 1, 2


class Command(BaseCommand):
    help = (
        "Check that the books agree: runs every invariant and changes nothing. "
        f"Exit code {FOUND} where something was found, {BROKEN} where a check could not run."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--json", action="store_true", dest="as_json", help="print JSON")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            audit = run_audit(books=settings.AUDIT_BOOKS)
        except (MalformedInvariant, DatabaseError, OSError, sqlite3.Error) as error:
            raise CommandError(str(error).strip(), returncode=BROKEN) from error
        if options["as_json"]:
            self.stdout.write(json.dumps(as_document(audit), default=str, indent=2))
        else:
            self._print(audit)
        if audit.has_errors:
            raise SystemExit(BROKEN)
        if audit.has_findings:
            raise SystemExit(FOUND)

    def _print(self, audit: Audit) -> None:
        console = Console(file=self.stdout, highlight=False, soft_wrap=True)  # type: ignore[arg-type]
        table = Table("", "Invariant", "Outcome", box=None, pad_edge=False)
        for finding in audit.findings:
            invariant = finding.invariant
            table.add_row(invariant.id, escape(invariant.name), outcome(finding))
        console.print(table)
        for finding in audit.findings:
            if finding.count or finding.error:
                self._print_finding(console, finding)
        found = sum(finding.count for finding in audit.findings)
        ran = sum(not finding.skipped for finding in audit.findings)
        console.print(f"{ran} of {len(audit.findings)} checks ran, {found} findings.")

    def _print_finding(self, console: Console, finding: Finding) -> None:
        invariant = finding.invariant
        console.print(f"\n[bold]{invariant.id} {escape(invariant.name)}[/bold]")
        console.print(escape(invariant.meaning))
        if finding.error:
            console.print(f"[red]{escape(finding.error)}[/red]")
            return
        rows = Table(*[escape(column) for column in finding.columns], box=None, pad_edge=False)
        for row in finding.rows:
            rows.add_row(*[escape("" if value is None else str(value)) for value in row])
        console.print(rows)
        if finding.count > SHOWN:
            console.print(f"... and {finding.count - SHOWN} more")


def outcome(finding: Finding) -> str:
    """Return one cell of the table, in rich's markup."""
    if finding.error:
        return "[red]could not run[/red]"
    if finding.skipped:
        return f"skipped: {finding.skipped}"
    return f"[red]{finding.count} found[/red]" if finding.count else "[green]ok[/green]"


def as_document(audit: Audit) -> dict[str, Any]:
    """Return the audit as plain data for JSON."""
    return {
        "findings": sum(finding.count for finding in audit.findings),
        "errors": sum(bool(finding.error) for finding in audit.findings),
        "invariants": [
            {
                "id": finding.invariant.id,
                "name": finding.invariant.name,
                "meaning": finding.invariant.meaning,
                "file": "/".join(finding.invariant.path.parts[-3:]),
                "count": finding.count,
                "columns": list(finding.columns),
                "rows": [list(row) for row in finding.rows],
                "error": finding.error,
                "skipped": finding.skipped,
            }
            for finding in audit.findings
        ],
    }
