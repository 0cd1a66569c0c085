"""`python -m globalmart.sandbox.stripe --port 9010 --book var/books/stripe.sqlite [...]`."""

import argparse
from functools import partial
from pathlib import Path

from globalmart.sandbox.book import Book
from globalmart.sandbox.serving import serve
from globalmart.sandbox.stripe.app import StripeApp, build
from globalmart.sandbox.stripe.keys import ApiKeys
from globalmart.sandbox.stripe.store import SCHEMA


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="globalmart.sandbox.stripe", description="Play Stripe.")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--book", type=Path, required=True, help="SQLite file that keeps it all")
    parser.add_argument("--webhook-url", default="", help="where events go; none: nowhere")
    parser.add_argument("--webhook-secret", default="whsec_sandbox")
    parser.add_argument("--secret-key", default="", help="default: any sk_test_...")
    parser.add_argument("--publishable-key", default="", help="default: any pk_test_...")
    parser.add_argument("--latency", type=float, default=0.0, help="seconds before each answer")
    parser.add_argument(
        "--idempotency-seconds", type=float, default=24 * 3600, help="after this a key is new again"
    )
    parser.add_argument(
        "--settle-seconds",
        type=float,
        default=1.0,
        help="how soon a pending thing comes to its end",
    )
    return parser.parse_args()


def _build(options: argparse.Namespace) -> StripeApp:
    app = build(
        Book(options.book, SCHEMA),
        keys=ApiKeys(secret=options.secret_key, publishable=options.publishable_key),
        webhooks=(options.webhook_url, options.webhook_secret),
        key_seconds=options.idempotency_seconds,
        settle_seconds=options.settle_seconds,
    )
    app.faults.latency = options.latency
    return app


def main() -> None:
    """Serve until told to stop."""
    options = _options()
    serve(partial(_build, options), port=options.port)


if __name__ == "__main__":
    main()
