"""Find orders by whatever a customer, a carrier, a bank or a warehouse calls them.

What was typed is classified, and each kind that it may be is looked up in an index of its own;
no table is read through. Plans and times: docs/reference/search.md.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from django.contrib.postgres.search import SearchQuery
from django.db import connection
from django.db.models import QuerySet

from fulfillment.queries import finding as fulfillment
from globalmart.core.ids import NUMBER_DIGITS, parse_order_number
from orders.models import Document, Order, Return
from orders.models.expressions import WORDS_CONFIG, email_key, folded_name, name_words, phone_end
from orders.queries.folding import fold, phone_ends, words_of
from payments.queries import finding as payments

MOST = 200
# So many rows of one kind are looked at; where there are more, which is the newest is not told.
MOST_READ = 5_000
LEAST_LETTERS = 3
MOST_TYPED = 200
TRIGRAMS = "order_name_trigrams"

_STRIPE = re.compile(r"[a-z]{2,6}_[A-Za-z0-9_]{4,}")
_BEGINNING = re.compile(rf"GM-?([{NUMBER_DIGITS}]{{4,5}})(?:-([{NUMBER_DIGITS}]{{0,4}}))?")
Ids = Iterable[int]


@dataclass(frozen=True, slots=True)
class Found:
    """Orders by key, newest first, each with what it was found by; and whether there are more."""

    matches: dict[int, str]
    is_more: bool


def find_orders(*, text: str, most: int = MOST) -> Found:
    """Return up to `most` orders, newest first, that have this number, e-mail address (or its
    beginning), telephone number, name, tracking number, id of Stripe's or the warehouse's, or
    reference. Too little text finds nothing."""
    text = " ".join(text.split())[:MOST_TYPED]
    matches: dict[int, str] = {}
    for kind, ids in _look(text):
        for order_id in ids:
            matches.setdefault(order_id, kind)
    newest = sorted(matches, reverse=True)
    return Found({key: matches[key] for key in newest[:most]}, len(newest) > most)


def _look(text: str) -> Iterator[tuple[str, Ids]]:
    """Give what each kind of look-up finds. What can be nothing else is not looked up otherwise."""
    if "\x00" in text or len(text) < LEAST_LETTERS:
        return
    if found := _by_number(text):
        yield "number", found
        return
    if "@" in text:
        yield "e-mail address", _by_email(text)
        return
    if _STRIPE.fullmatch(text):
        yield "id at Stripe", payments.find_order_ids(stripe_id=text)
        if payments.is_known_kind(text):
            return
    yield from _by_ids(text)
    if ends := phone_ends(text):
        yield "telephone number", [key for end in ends for key in _by_phone(end)]
    elif not any(char.isdigit() for char in text):
        yield "name", _by_name(text)
    if " " not in text and not text.isdigit():
        yield "e-mail address", _by_email(text)


def _keys(rows: "QuerySet[Order, Order]") -> list[int]:
    return list(rows.order_by().values_list("pk", flat=True)[:MOST_READ])


def _by_number(text: str) -> list[int]:
    """Return orders with this number, in any spelling, or one that begins so after GM-."""
    if number := parse_order_number(text):
        return _keys(Order.objects.filter(number=number))
    found = _BEGINNING.fullmatch(text.upper())
    if found is None:
        return []
    beginning = "-".join(part for part in ("GM", *found.groups()) if part)
    return _keys(Order.objects.filter(number__startswith=beginning))


def _by_ids(text: str) -> Iterator[tuple[str, Ids]]:
    """Look up what others call an order or a part of it, in full."""
    yield "tracking number", fulfillment.find_by_tracking(number=text)
    yield "warehouse's id", fulfillment.find_by_warehouse_id(text=text)
    yield "client's reference", _keys(Order.objects.filter(external_ref=text))
    if " " in text:
        return
    yield "id", _keys(Order.objects.filter(public_id=text))
    document = Document.objects.filter(number=text.upper())
    yield "document", document.values_list("order_id", flat=True)
    rma = Return.objects.filter(number=text.upper())
    yield "return", rma.values_list("order_id", flat=True)


def _by_email(text: str) -> list[int]:
    """Return orders whose address is this one, or begins with it."""
    rows = Order.objects.alias(key=email_key())
    return _keys(rows.filter(key__startswith=text.lower()))


def _by_phone(end: str) -> list[int]:
    rows = Order.objects.exclude(phone="").alias(key=phone_end())
    return _keys(rows.filter(key__startswith=end[::-1]))


def _by_name(text: str) -> list[int]:
    """Return orders whose customer's and recipient's names have words that begin so; where none
    has and the shop has indexed parts of words, those with these parts."""
    words = words_of(text)
    if not any(len(word) >= LEAST_LETTERS for word in words):
        return []
    query = SearchQuery(
        " & ".join(f"{word}:*" for word in words), search_type="raw", config=WORDS_CONFIG
    )
    found = _keys(Order.objects.alias(words=name_words()).filter(words=query))
    if found or not has_trigrams():
        return found
    rows = Order.objects.alias(folded=folded_name())
    return _keys(rows.filter(folded__contains=fold(text)))


def has_trigrams() -> bool:
    """Tell whether the shop has the extension pg_trgm and an index by it; it needs neither."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT 1 FROM pg_index WHERE indexrelid = to_regclass(%s) AND indisvalid", [TRIGRAMS]
        )
        return cursor.fetchone() is not None
