"""manage.py seed_demo"""

import os
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from globalmart.core.access import KeyOfWrongMode
from orders.api import scopes
from orders.seeds import demo

KEY_VARIABLE, PASSWORD_VARIABLE = "GM_DEMO_API_KEY", "GM_DEMO_STAFF_PASSWORD"


class Command(BaseCommand):
    help = (
        "Fill the shop with the demo catalogue, rates and stock, and make the demo's key and login "
        f"from {KEY_VARIABLE} and {PASSWORD_VARIABLE}. Run again, it adds nothing."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        key, password = os.environ.get(KEY_VARIABLE), os.environ.get(PASSWORD_VARIABLE)
        try:
            seeded = demo.seed_shop()
            if key:
                demo.register_demo_key(key=key, scopes=list(scopes.ALL))
            if password:
                demo.ensure_demo_staff(password=password)
        except (demo.LiveInstallation, KeyOfWrongMode) as error:
            raise CommandError(str(error)) from error
        self.stdout.write(
            f"Added {seeded.products} products, stock of {seeded.stocked}, {seeded.tax_rates} tax"
            f" rates, {seeded.shipping_rates} shipping rates."
        )
        for variable, value, what in (
            (KEY_VARIABLE, key, "no API key"),
            (PASSWORD_VARIABLE, password, "no staff login"),
        ):
            if not value:
                self.stdout.write(f"{variable} is not set: {what} was made.")
