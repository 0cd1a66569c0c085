"""SendGrid's v3 mail send: what it demands, what it answers, and the events it posts later."""

import json
import re
import secrets
import time
from typing import Any

from globalmart.sandbox.messages.store import Message

ADDRESS = re.compile(r"[^@\s,;<>\"]+@[^@\s,;<>\"]+\.[^@\s,;<>\".]+")
MAX_RECIPIENTS = 1000
MAX_CUSTOM_ARGS_BYTES = 10_000
# SendGrid's documentation asks tests to use addresses that cannot exist; these it "bounces".
BOUNCING = (".invalid",)


class Invalid(Exception):
    """A request that SendGrid would refuse, with its field and its help text."""

    def __init__(self, message: str, field: str | None) -> None:
        super().__init__(message)
        self.message = message
        self.field = field


def error_body(message: str, field: str | None) -> dict[str, Any]:
    """Return SendGrid's error body."""
    return {"errors": [{"message": message, "field": field, "help": None}]}


def read(payload: Any) -> list[Message]:
    """Return one message per recipient of a mail send request. Raises Invalid."""
    if not isinstance(payload, dict):
        raise Invalid("Bad Request", None)
    people = payload.get("personalizations")
    if not isinstance(people, list) or not people:
        raise Invalid(
            "The personalizations field is required and must have at least one personalization.",
            "personalizations",
        )
    sender = _address(payload.get("from"), "from.email")
    text, html = _contents(payload.get("content"))
    provider_id = secrets.token_urlsafe(16)
    messages: list[Message] = []
    for number, personalization in enumerate(people):
        subject = personalization.get("subject") or payload.get("subject")
        if not isinstance(subject, str) or not subject:
            raise Invalid(
                "The subject is required. You can get around this requirement if you use a"
                " template with a subject defined or if every personalization has a subject"
                " defined.",
                "subject",
            )
        metadata = _custom_args(payload, personalization)
        for recipient in _recipients(personalization, number):
            message_id = metadata.get("anymail_id") or f"{provider_id}.{len(messages)}"
            messages.append(
                Message(
                    "sendgrid", message_id, recipient, sender, text, subject, html, "", metadata
                )
            )
    if len(messages) > MAX_RECIPIENTS:
        raise Invalid("Too many recipients.", "personalizations")
    return messages


def outcomes(recipient: str) -> tuple[str, ...]:
    """Return the events that follow for a recipient, in order."""
    return ("processed", "bounce" if recipient.endswith(BOUNCING) else "delivered")


def event_body(row: Any, event: str) -> bytes:
    """Return the body of an event webhook call: a list with one event."""
    known = json.loads(row["metadata"])
    posted: dict[str, Any] = {
        **known,
        "email": row["recipient"],
        "timestamp": int(time.time()),
        "event": event,
        "sg_event_id": secrets.token_urlsafe(16),
        "sg_message_id": f"{row['message_id']}.sandbox-0",
        "smtp-id": f"<{row['message_id']}@sandbox>",
    }
    if known.get("kind"):
        posted["category"] = [known["kind"]]
    if event == "delivered":
        posted["response"] = "250 OK"
    if event == "bounce":
        posted |= {"type": "bounce", "status": "5.1.1", "reason": "550 5.1.1 no such user"}
    return json.dumps([posted]).encode()


def _address(value: Any, field: str) -> str:
    address = value.get("email") if isinstance(value, dict) else None
    if not isinstance(address, str) or not ADDRESS.fullmatch(address):
        label = "from" if field.startswith("from") else "recipient"
        raise Invalid(
            "Does not contain a valid address."
            if label == "recipient"
            else "The from email does not contain a valid address.",
            field,
        )
    return address


def _recipients(personalization: Any, number: int) -> list[str]:
    found: list[str] = []
    place = f"personalizations.{number}"
    if not personalization.get("to"):
        raise Invalid("The to array is required for all personalization objects.", f"{place}.to")
    for group in ("to", "cc", "bcc"):
        for position, one in enumerate(personalization.get(group) or []):
            found.append(_address(one, f"{place}.{group}.{position}.email"))
    if len(set(found)) < len(found):
        raise Invalid(
            "Each email address in the personalization block should be unique between to, cc,"
            " and bcc.",
            place,
        )
    return found


def _contents(contents: Any) -> tuple[str, str]:
    if not isinstance(contents, list) or not contents:
        raise Invalid("Unless a valid template_id is provided, the content is required.", "content")
    found = {"text/plain": "", "text/html": ""}
    for number, content in enumerate(contents):
        value = content.get("value") if isinstance(content, dict) else None
        if not isinstance(value, str) or not value:
            raise Invalid(
                "The content value must be a string at least one character in length.",
                f"content.{number}.value",
            )
        found[str(content.get("type"))] = value
    return found["text/plain"], found["text/html"]


def _custom_args(payload: Any, personalization: Any) -> dict[str, str]:
    merged = {**(payload.get("custom_args") or {}), **(personalization.get("custom_args") or {})}
    if len(json.dumps(merged)) > MAX_CUSTOM_ARGS_BYTES:
        raise Invalid("The custom_args are larger than 10000 bytes.", "custom_args")
    return {str(name): str(value) for name, value in merged.items()}
