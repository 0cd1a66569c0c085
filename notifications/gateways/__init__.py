"""The ways out of notifications: mail and text messages, each with the same three errors."""

from notifications.gateways.outcomes import MessageDeferred, MessageRefused, MessageUnknown

__all__ = ["MessageDeferred", "MessageRefused", "MessageUnknown"]
