"""Messages from templates: a folder per kind with subject, text, HTML and, for some, SMS."""

from dataclasses import dataclass

from django.template.loader import render_to_string

from fulfillment import queries as fulfillment
from notifications.models import Message
from orders.queries import returns, withdrawals
from orders.queries.cancellations import list_given_up
from orders.queries.recipients import Recipient


@dataclass(frozen=True, slots=True)
class Mail:
    subject: str
    text: str
    html: str


def _context(message: Message, who: Recipient) -> dict[str, object]:
    shipment_id = message.data.get("shipment_id")
    parcel = fulfillment.get_shipment(shipment_id=shipment_id) if shipment_id else None
    contents = (
        [(who.names.get(sku, sku), quantity) for sku, quantity in parcel.lines] if parcel else []
    )
    cancellation_id = message.data.get("cancellation_id")
    given_up = list_given_up(cancellation_id=cancellation_id) if cancellation_id else []
    return_id, withdrawal_id = message.data.get("return_id"), message.data.get("withdrawal_id")
    return {
        "who": who,
        "parcel": parcel,
        "contents": contents,
        "given_up": given_up,
        "rma": returns.get_return(return_id=return_id) if return_id else None,
        "statement": withdrawals.get_statement(withdrawal_id=withdrawal_id)
        if withdrawal_id
        else None,
    }


def render_mail(*, message: Message, who: Recipient) -> Mail:
    """Return subject (one line), plain text and HTML of a mail."""
    context, folder = _context(message, who), f"messages/{message.kind}"
    subject = render_to_string(f"{folder}/subject.txt", context)
    return Mail(
        subject=" ".join(subject.split()),
        text=render_to_string(f"{folder}/body.txt", context),
        html=render_to_string(f"{folder}/body.html", context),
    )


def render_sms(*, message: Message, who: Recipient) -> str:
    """Return the text of a text message."""
    return render_to_string(f"messages/{message.kind}/sms.txt", _context(message, who)).strip()
