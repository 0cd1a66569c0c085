"""What staff type while a customer is on the telephone: nothing is lost, whatever is missing."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django import forms
from django.conf import settings
from django.http import QueryDict

from orders.forms import Contact, Delivery, text
from orders.queries.catalogue import Offer, for_sale, offers_of
from orders.services.drafts import Wanted
from orders.services.submissions import MOST_QUANTITY, Item

MOST_ROWS = 200
PARTS = ("name", "line1", "line2", "region", "city", "postal_code", "country")
BAD_QUANTITY = f"Enter a whole number from 1 to {MOST_QUANTITY}"


class DraftForm(Contact, Delivery):
    """Customer, address, delivery, voucher and note. Only what `is_final` must be complete; what is
    typed must be right in any case. `seen` is the total that was on the page, in minor units."""

    voucher = text("Voucher", "", required=False, max_length=40)
    note = text("Note for staff", "", required=False, max_length=500)
    version = forms.IntegerField(required=False, widget=forms.HiddenInput)
    seen = forms.IntegerField(required=False, widget=forms.HiddenInput)

    def __init__(self, *args: Any, is_final: bool, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.is_final = is_final
        for field in self.fields.values():
            # The browser knows the staff's own addresses, and not the customer's.
            field.widget.attrs["autocomplete"] = "off"
            field.required = field.required and is_final
        self.fields["phone"].help_text = "For problems with the delivery, and for calling back."
        self.fields["email"].help_text = "The link to pay goes there."

    def clean(self) -> dict[str, Any]:
        """A draft may still lack a postcode."""
        data = super().clean()
        if not self.is_final and not self["postal_code"].value():
            self.errors.pop("postal_code", None)
        return data

    def wanted(self, rows: "Sequence[Row]") -> Wanted:
        """Return what a valid form and its rows ask for."""
        said = self.cleaned_data
        return Wanted(
            currency=settings.SHOP_CURRENCY,
            items=tuple(Item(row.sku, row.quantity) for row in rows),
            email=said["email"],
            name=said["name"],
            phone=said["phone"],
            wants_sms=said["wants_sms"],
            address={"company": "", **{part: said.get(part, "") for part in PARTS}},
            shipping_method=said["method"],
            voucher=said["voucher"],
            note=said["note"],
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One product of the draft as it was typed; `offer` is what the shop says of it now."""

    sku: str
    typed: str
    offer: Offer | None

    @property
    def quantity(self) -> int:
        """The number of units; 0 where none can be read."""
        is_number = self.typed.isascii() and self.typed.isdigit() and len(self.typed) <= 6
        return int(self.typed) if is_number and int(self.typed) <= MOST_QUANTITY else 0

    @property
    def error(self) -> str:
        """What is wrong with it, in words; nothing is sent before it is put right."""
        if self.offer is None:
            return "Not for sale any more: remove it"
        return "" if self.quantity else BAD_QUANTITY

    @property
    def warning(self) -> str:
        """What staff should tell the customer."""
        if self.offer is not None and self.quantity > self.offer.available:
            return f"Only {max(0, self.offer.available)} in stock"
        return ""


def read_rows(posted: QueryDict, action: str) -> list[Row]:
    """Return the rows of a form, after what its button does to them: `add:SKU`, `remove:SKU`."""
    pairs = zip(posted.getlist("sku"), posted.getlist("quantity"), strict=False)
    typed = {sku[:40]: quantity.strip() for sku, quantity in list(pairs)[:MOST_ROWS]}
    name, _, sku = action.partition(":")
    if name == "remove":
        typed.pop(sku, None)
    if name == "add" and sku:
        had = typed.get(sku, "0")
        typed[sku[:40]] = str(int(had) + 1) if had.isascii() and had.isdigit() else had
    return make_rows(typed)


def make_rows(typed: dict[str, str]) -> list[Row]:
    """Return a row for each SKU with what was typed as its quantity."""
    found = for_sale().filter(sku__in=[sku for sku in typed if "\x00" not in sku])
    offers = {offer.sku: offer for offer in offers_of(found)}
    return [Row(sku=sku, typed=text, offer=offers.get(sku)) for sku, text in typed.items()]
