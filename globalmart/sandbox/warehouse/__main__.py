"""`python -m globalmart.sandbox.warehouse --port 9020 --book var/books/warehouse.sqlite [...]`."""

import argparse
from functools import partial
from pathlib import Path

from globalmart.sandbox.book import Book
from globalmart.sandbox.serving import serve
from globalmart.sandbox.warehouse.app import WarehouseApp
from globalmart.sandbox.warehouse.habits import Habits
from globalmart.sandbox.warehouse.push import Pusher
from globalmart.sandbox.warehouse.schema import SCHEMA


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="globalmart.sandbox.warehouse", description="Play the warehouse."
    )
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--book", type=Path, required=True, help="SQLite file that keeps it all")
    parser.add_argument("--username", default="oms")
    parser.add_argument("--password", default="wms")
    parser.add_argument(
        "--ship-after", type=float, default=1.0, help="seconds from an order to its parcel"
    )
    parser.add_argument(
        "--deliver-after", type=float, help="seconds a parcel travels; without it carriers are mute"
    )
    parser.add_argument("--push-url", default="", help="post a hint there when something changed")
    parser.add_argument("--push-secret", default="", help="signs the hints")
    parser.add_argument("--latency", type=float, default=0.0, help="seconds before each answer")
    return parser.parse_args()


def _build(options: argparse.Namespace) -> WarehouseApp:
    app = WarehouseApp(
        Book(options.book, SCHEMA),
        ship_after=options.ship_after,
        username=options.username,
        password=options.password,
        usual=Habits(deliver_after=options.deliver_after),
    )
    app.faults.latency = options.latency
    if options.push_url:
        Pusher(app.depot, url=options.push_url, secret=options.push_secret).start()
    return app


def main() -> None:
    """Serve until told to stop."""
    options = _options()
    serve(partial(_build, options), port=options.port)


if __name__ == "__main__":
    main()
