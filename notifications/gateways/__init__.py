"""The ways out of notifications: mail and text messages, each with the same three errors."""

from importlib import import_module

from notifications.gateways.outcomes import MessageDeferred, MessageRefused, MessageUnknown

__all__ = ["MessageDeferred", "MessageRefused", "MessageUnknown", "load"]


def load() -> None:
    """Import both providers' SDKs; a worker calls it once, before its first job."""
    for name in ("anymail.backends.sendgrid", "anymail.message", "twilio.rest"):
        import_module(name)
