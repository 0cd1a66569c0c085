"""Mail, through whatever provider EMAIL_BACKEND names: SendGrid by django-anymail."""

import logging
import warnings

from django.core.exceptions import ValidationError
from django.core.mail import get_connection
from django.core.validators import validate_email

from globalmart.core.db import forbid_transaction
from notifications.gateways.outcomes import (
    MessageDeferred,
    MessageRefused,
    MessageUnknown,
    error_for_break,
    error_for_status,
)

__all__ = ["MessageDeferred", "MessageRefused", "MessageUnknown", "send_mail"]

log = logging.getLogger(__name__)


def send_mail(
    *,
    to: str,
    subject: str,
    text: str,
    html: str,
    message_id: str,
    metadata: dict[str, str],
) -> str:
    """Hand one mail to the provider and return its id for it (empty if it gives none).

    `message_id` is our own id; it and `metadata` come back with the provider's delivery events.
    Raises MessageRefused, MessageDeferred or MessageUnknown.
    """
    forbid_transaction()
    _check(to=to, subject=subject)
    provider_id = _send(
        to=to,
        subject=subject,
        text=text,
        html=html,
        metadata={**metadata, "message_id": message_id},
    )
    log.info("mail %s handed over as %s", message_id, provider_id)
    return provider_id


def _check(*, to: str, subject: str) -> None:
    try:
        validate_email(to)
    except ValidationError:
        raise MessageRefused("The recipient is not one mail address.") from None
    if "\n" in subject or "\r" in subject:
        raise MessageRefused("The subject has more than one line.")


def _send(*, to: str, subject: str, text: str, html: str, metadata: dict[str, str]) -> str:
    # They bring an HTTP client with them, which only the notifications worker needs.
    from anymail.exceptions import AnymailAPIError, AnymailError  # noqa: PLC0415
    from anymail.message import AnymailMessage  # noqa: PLC0415

    from notifications.gateways.deadline import guard  # noqa: PLC0415

    _silence_anymail()
    tags = [metadata["kind"]] if metadata.get("kind") else []
    try:
        connection = get_connection()
        message = AnymailMessage(
            subject=subject, body=text, to=[to], tags=tags, metadata=metadata, connection=connection
        )
        message.attach_alternative(html, "text/html")
        connection.open()
        try:
            session = getattr(connection, "session", None)
            if session is not None:
                guard(session)
            message.send()
        finally:
            connection.close()
    except AnymailAPIError as error:
        if error.status_code is not None:
            raise error_for_status("The mail provider", error.status_code) from None
        raise error_for_break("The mail provider", error) from None
    except AnymailError as error:
        raise MessageRefused(f"The mail cannot be written: {type(error).__name__}") from None
    except OSError as error:
        raise error_for_break("The mail provider", error) from None
    return message.anymail_status.message_id or ""


def _silence_anymail() -> None:
    # anymail warns at every send that SendGrid is no longer officially supported. That is known
    # and decided; only this one warning is silenced. Filters are reset by test runners, so it is
    # set at each call, which costs nothing when it is there already.
    warnings.filterwarnings(
        "ignore", message="django-anymail has dropped official support for SendGrid"
    )
