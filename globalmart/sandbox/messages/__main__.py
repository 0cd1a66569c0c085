"""`python -m globalmart.sandbox.messages --port 9030 --book var/books/messages.sqlite [...]`."""

import argparse
from functools import partial
from pathlib import Path

from globalmart.sandbox.book import Book
from globalmart.sandbox.messages.app import MessagesApp
from globalmart.sandbox.messages.signing import Signer
from globalmart.sandbox.messages.store import SCHEMA
from globalmart.sandbox.serving import serve


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="globalmart.sandbox.messages", description="Play SendGrid and Twilio."
    )
    parser.add_argument("--port", type=int, help="required, unless a key is printed")
    parser.add_argument("--book", type=Path, help="SQLite file that keeps it all; required too")
    parser.add_argument(
        "--event-webhook-url", default="", help="where mail events go; none: nowhere"
    )
    parser.add_argument("--event-signing-key", default="", help="any text; signs mail events")
    parser.add_argument("--print-verification-key", action="store_true", help="print it and stop")
    parser.add_argument("--sendgrid-key", default="", help="default: any")
    parser.add_argument("--twilio-auth-token", default="", help="default: any; signs callbacks")
    parser.add_argument("--latency", type=float, default=0.0, help="seconds before each answer")
    options = parser.parse_args()
    if not options.print_verification_key and (options.port is None or options.book is None):
        parser.error("--port and --book are required")
    return options


def _build(options: argparse.Namespace) -> MessagesApp:
    app = MessagesApp(
        Book(options.book, SCHEMA),
        event_webhook_url=options.event_webhook_url,
        signing_key=options.event_signing_key,
        sendgrid_key=options.sendgrid_key,
        twilio_auth_token=options.twilio_auth_token,
    )
    app.faults.latency = options.latency
    return app


def main() -> None:
    """Serve until told to stop."""
    options = _options()
    if options.print_verification_key:
        print(Signer(options.event_signing_key).public_key)  # noqa: T201  its whole purpose
    else:
        serve(partial(_build, options), port=options.port)


if __name__ == "__main__":
    main()
