"""What stands on a document beside its content, in the languages that there are."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Words:
    """The words of one language. `locale` is Babel's; `{}` takes what is said."""

    locale: str
    titles: dict[str, str]
    number: str
    date: str
    order: str
    ordered_on: str
    refers_to: str
    sent_to: str
    tax_number: str
    item: str
    quantity: str
    price: str
    discount: str
    tax: str
    net: str
    gross: str
    total: str
    net_total: str
    at_rate: str
    shipping: str
    balance: str
    amount: str
    is_net: str
    is_gross: str
    notes: dict[str, str]
    page: str
    unprintable: str


ENGLISH = Words(
    locale="en_GB",
    titles={
        "invoice": "Invoice",
        "credit_note": "Credit note",
        "credit_note_reversal": "Reversal of a credit note",
    },
    number="Number",
    date="Date",
    order="Order",
    ordered_on="Ordered on",
    refers_to="Refers to",
    sent_to="Sent to",
    tax_number="Tax number {}",
    item="Item",
    quantity="Qty",
    price="Unit price",
    discount="Discount",
    tax="Tax",
    net="Net",
    gross="Gross",
    total="Total",
    net_total="Net",
    at_rate="{} tax on {}",
    shipping="Shipping, {}",
    balance="Balance with other payments for this order",
    amount="Refund without goods",
    is_net="Unit prices do not include tax.",
    is_gross="Unit prices include tax.",
    notes={
        "invoice": "Paid on {} by card. Thank you. There is nothing left to pay.",
        "credit_note": "Paid back on {}, the way it was paid. Your bank may take a few days.",
        "credit_note_reversal": "On {} the money of the credit note came back to us undelivered.",
    },
    page="Page {} of {}",
    unprintable="Characters that this document's typeface lacks are shown as �.",
)
GERMAN = Words(
    locale="de_DE",
    titles={
        "invoice": "Rechnung",
        "credit_note": "Rechnungskorrektur",
        "credit_note_reversal": "Storno einer Rechnungskorrektur",
    },
    number="Nummer",
    date="Datum",
    order="Bestellung",
    ordered_on="Bestellt am",
    refers_to="Bezieht sich auf",
    sent_to="Lieferanschrift",
    tax_number="Steuernummer {}",
    item="Artikel",
    quantity="Menge",
    price="Einzelpreis",
    discount="Rabatt",
    tax="USt",
    net="Netto",
    gross="Brutto",
    total="Gesamt",
    net_total="Netto",
    at_rate="{} USt auf {}",
    shipping="Versand, {}",
    balance="Ausgleich mit anderen Zahlungen dieser Bestellung",
    amount="Erstattung ohne Ware",
    is_net="Einzelpreise verstehen sich ohne Umsatzsteuer.",
    is_gross="Einzelpreise enthalten die Umsatzsteuer.",
    notes={
        "invoice": "Bezahlt am {} mit Karte. Vielen Dank. Es ist nichts mehr offen.",
        "credit_note": "Erstattet am {} auf dem Weg der Zahlung. Die Bank braucht einige Tage.",
        "credit_note_reversal": "Am {} kam das erstattete Geld unzustellbar zu uns zurück.",
    },
    page="Seite {} von {}",
    unprintable="Zeichen, die der Schrift fehlen, erscheinen als �.",
)
LANGUAGES = {"en": ENGLISH, "de": GERMAN}
