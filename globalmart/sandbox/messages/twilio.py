"""Twilio's Messages resource: what it demands, what it answers, and its status callbacks."""

import base64
import hashlib
import hmac
import re
import secrets
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Any
from urllib.parse import urlencode

from globalmart.sandbox.messages.store import Message

NUMBER = re.compile(r"\+[1-9][0-9]{6,14}")
MAX_CHARACTERS = 1600
# Twilio's published magic numbers: what happens to a message to them.
MAGIC = {
    "+15005550001": (21211, "Invalid 'To' Phone Number: +15005550001"),
    "+15005550002": (21612, "The 'To' phone number is not currently reachable."),
    "+15005550003": (21408, "Permission to send an SMS has not been enabled for the region."),
    "+15005550004": (21610, "Attempt to send to unsubscribed recipient"),
    "+15005550009": (21614, "'To' number is not a valid mobile number"),
}
GSM_7 = re.compile(
    r"[A-Za-z0-9 \r\n@£$¥èéùìòÇØøÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ!\"#¤%&'()*+,\-./:;<=>?¡ÄÖÑÜ§¿äöñüà]*"
)


class Invalid(Exception):
    """A request that Twilio would refuse, with Twilio's error code."""

    def __init__(self, code: int, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.status = status


def error_body(error: Invalid) -> dict[str, Any]:
    """Return Twilio's error body."""
    return {
        "code": error.code,
        "message": error.message,
        "more_info": f"https://www.twilio.com/docs/errors/{error.code}",
        "status": error.status,
    }


def read(form: Mapping[str, Any]) -> Message:
    """Return the message of a create request. Raises Invalid."""
    to, sender, body = (str(form.get(name, "")) for name in ("To", "From", "Body"))
    if not to:
        raise Invalid(21604, "A 'To' phone number is required.")
    if not NUMBER.fullmatch(to):
        raise Invalid(21211, f"Invalid 'To' Phone Number: {to}")
    if to in MAGIC:
        raise Invalid(*MAGIC[to])
    if not sender:
        raise Invalid(21603, "A 'From' phone number is required.")
    if not body:
        raise Invalid(21602, "Message body is required.")
    if len(body) > MAX_CHARACTERS:
        raise Invalid(21617, "The concatenated message body exceeds the 1600 character limit")
    callback_url = str(form.get("StatusCallback", ""))
    return Message(
        "twilio", f"SM{secrets.token_hex(16)}", to, sender, body, callback_url=callback_url
    )


def as_json(row: Any, *, account_sid: str, status: str) -> dict[str, Any]:
    """Return a message as Twilio shows it."""
    path = f"/2010-04-01/Accounts/{account_sid}/Messages/{row['message_id']}"
    at = format_datetime(datetime.fromtimestamp(row["created_at"], UTC)).replace("GMT", "+0000")
    return {
        "account_sid": account_sid,
        "api_version": "2010-04-01",
        "body": row["text"],
        "date_created": at,
        "date_sent": None if status == "queued" else at,
        "date_updated": at,
        "direction": "outbound-api",
        "error_code": None,
        "error_message": None,
        "from": row["sender"],
        "messaging_service_sid": None,
        "num_media": "0",
        "num_segments": str(segments(row["text"])),
        "price": None,
        "price_unit": "USD",
        "sid": row["message_id"],
        "status": status,
        "subresource_uris": {"media": f"{path}/Media.json"},
        "to": row["recipient"],
        "uri": f"{path}.json",
    }


def segments(text: str) -> int:
    """Return how many messages of the network a text fills."""
    single, part = (160, 153) if GSM_7.fullmatch(text) else (70, 67)
    return 1 if len(text) <= single else -(-len(text) // part)


def callback(row: Any, status: str, *, account_sid: str) -> dict[str, str]:
    """Return the fields of a status callback."""
    return {
        "AccountSid": account_sid,
        "ApiVersion": "2010-04-01",
        "From": row["sender"],
        "MessageSid": row["message_id"],
        "MessageStatus": status,
        "SmsSid": row["message_id"],
        "SmsStatus": status,
        "To": row["recipient"],
    }


def signed(url: str, fields: Mapping[str, str], *, auth_token: str) -> tuple[bytes, dict[str, str]]:
    """Return body and headers of a callback, signed as Twilio signs it."""
    text = url + "".join(name + fields[name] for name in sorted(fields))
    digest = hmac.new(auth_token.encode(), text.encode(), hashlib.sha1).digest()
    headers = {
        "Content-Type": "application/x-www-form-urlencoded; charset=utf-8",
        "X-Twilio-Signature": base64.b64encode(digest).decode(),
    }
    return urlencode(fields).encode(), headers
