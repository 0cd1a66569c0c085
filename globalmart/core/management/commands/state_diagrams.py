"""manage.py state_diagrams"""

from typing import Any

from django.core.management.base import BaseCommand

from globalmart.core.choreography import Machine, ages_of, table_of, wiring
from globalmart.core.diagrams import draw

HEAD = """# State diagrams

Drawn by `manage.py state_diagrams` from the tables in `*/states.py`, which the code obeys: what has
no arrow here is refused. In brackets stands the age past which a state opens an alert.
[States](states.md) says what they mean."""


class Command(BaseCommand):
    help = "Print every state machine of the house as a diagram, as in docs/reference."

    def handle(self, *args: Any, **options: Any) -> None:
        self.stdout.write(page())


def page() -> str:
    """Return docs/reference/state-diagrams.md as it is to be."""
    return "\n\n".join([HEAD, *(_section(*each) for each in wiring().machines.items())])


def _section(name: str, machine: Machine) -> str:
    drawn = draw(table=table_of(machine), begins=machine.begins, ages=ages_of(machine))
    return f"## {name}\n\n```mermaid\n{drawn}\n```"
