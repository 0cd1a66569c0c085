"""manage.py index_name_parts"""

from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import ProgrammingError

from orders.services.name_parts import NoTrigrams, index_name_parts


class Command(BaseCommand):
    help = (
        "Index parts of customers' names by the extension pg_trgm, so that the search for orders "
        "finds them as well. Orders can come in meanwhile. Run again, it does nothing."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            is_new = index_name_parts()
        except NoTrigrams as error:
            raise CommandError(
                "This PostgreSQL has no pg_trgm (its package is often called contrib). "
                "The search works without it."
            ) from error
        except ProgrammingError as error:
            raise CommandError(
                f"{error}".strip() + ". Have its owner run CREATE EXTENSION pg_trgm, and try again."
            ) from error
        self.stdout.write("Parts of names are found." if is_new else "It was there already.")
