"""Text messages through Twilio's SDK."""

import logging
import re
import threading
from typing import Any

from django.conf import settings

from globalmart.core.db import forbid_transaction
from notifications.gateways.outcomes import (
    MessageDeferred,
    MessageRefused,
    MessageUnknown,
    error_for_break,
    error_for_status,
)

__all__ = ["MessageDeferred", "MessageRefused", "MessageUnknown", "send_sms"]

E164 = re.compile(r"\+[1-9][0-9]{6,14}")
log = logging.getLogger(__name__)
_mine = threading.local()


def send_sms(*, to: str, text: str, message_id: str) -> str:
    """Hand one text message to Twilio and return its SID.

    `to` is in E.164 form (+441134960000). `message_id` is our own id, for the log: Twilio keeps
    no reference of ours. Raises MessageRefused, MessageDeferred or MessageUnknown.
    """
    forbid_transaction()
    if not E164.fullmatch(to):
        raise MessageRefused("The recipient is not a telephone number in international form.")
    sid = _send(to=to, text=text)
    log.info("text message %s handed over as %s", message_id, sid)
    return sid


def _send(*, to: str, text: str) -> str:
    # The SDK takes half a second to import, and only the notifications worker needs it.
    from requests import RequestException  # noqa: PLC0415
    from twilio.base.exceptions import TwilioRestException  # noqa: PLC0415

    try:
        sent = _client().messages.create(to=to, from_=settings.TWILIO_FROM, body=text)
    except TwilioRestException as error:
        raise error_for_status("Twilio", error.status, error.code) from None
    except RequestException as error:
        raise error_for_break("Twilio", error) from None
    except (ValueError, TypeError, KeyError) as error:
        raise MessageUnknown(f"Twilio's answer cannot be read: {type(error).__name__}") from None
    return str(sent.sid)


def _client() -> Any:
    from notifications.gateways import twilio_client  # noqa: PLC0415  as above

    chosen = (settings.TWILIO_API_BASE, settings.TWILIO_ACCOUNT_SID, settings.TWILIO_AUTH_TOKEN)
    if getattr(_mine, "chosen", None) != chosen:
        base, account_sid, auth_token = chosen
        _mine.client = twilio_client.build_client(
            base=base, account_sid=account_sid, auth_token=auth_token
        )
        _mine.chosen = chosen
    return _mine.client
