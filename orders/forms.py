"""What customers type. The server is the only validator; every message says how to put it right."""

from typing import Any

import phonenumbers
from django import forms
from django.conf import settings

from globalmart.core.ids import parse_order_number
from orders import addresses
from orders.services.baskets import MAX_QUANTITY

PHONE_HELP = "Enter a phone number, as 020 7946 0000 or +353 1 555 0100"


def text(label: str, missing: str, **options: Any) -> forms.CharField:
    """Return a one-line field; `missing` is what the customer reads when it is empty."""
    attributes = options.pop("attributes", {})
    longest = options.get("max_length", 120)
    return forms.CharField(
        label=label,
        widget=forms.TextInput(attrs=attributes),
        error_messages={
            "required": missing,
            "max_length": f"{label} must be {longest} characters or fewer",
        },
        **{"max_length": longest, **options},
    )


class Contact(forms.Form):
    """How to reach the customer. `phone` comes out as +442079460000."""

    email = forms.EmailField(
        label="E-mail address",
        help_text="We send your confirmation and tracking link here.",
        max_length=254,
        widget=forms.EmailInput(
            attrs={"autocomplete": "email", "spellcheck": "false", "autocapitalize": "none"}
        ),
        error_messages={
            "required": "Enter your e-mail address",
            "invalid": "Enter an e-mail address in the right form, as name@example.com",
            "max_length": "E-mail address must be 254 characters or fewer",
        },
    )
    phone = text(
        "Phone number",
        "Enter a phone number",
        required=False,
        max_length=30,
        help_text="Only for problems with your delivery.",
        attributes={"autocomplete": "tel", "inputmode": "tel", "type": "tel"},
    )
    wants_sms = forms.BooleanField(label="Text me when my parcel ships", required=False)

    def clean_phone(self) -> str:
        """Return the number in international form, or an empty string."""
        typed: str = self.cleaned_data["phone"].strip()
        if not typed:
            return ""
        try:
            number = phonenumbers.parse(typed, settings.SHOP_COUNTRY)
        except phonenumbers.NumberParseException as error:
            raise forms.ValidationError(PHONE_HELP) from error
        if not phonenumbers.is_valid_number(number):
            raise forms.ValidationError(PHONE_HELP)
        return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)

    def clean(self) -> dict[str, Any]:
        """A text message needs a number to go to."""
        data = super().clean() or {}
        if data.get("wants_sms") and not data.get("phone") and "phone" not in self.errors:
            self.add_error("phone", "Enter a phone number for the text message")
        return data


class Delivery(forms.Form):
    """Where the parcel goes, and how. `methods` are (code, name) of what is on offer."""

    name = text("Full name", "Enter your full name", attributes={"autocomplete": "name"})
    country = forms.ChoiceField(
        label="Country",
        choices=addresses.list_countries,
        widget=forms.Select(attrs={"autocomplete": "shipping country"}),
        error_messages={
            "required": "Choose a country",
            "invalid_choice": "Choose a country from the list",
        },
    )
    line1 = text(
        "Address",
        "Enter the street and house number",
        attributes={"autocomplete": "shipping address-line1"},
    )
    line2 = text(
        "Flat, floor or building",
        "",
        required=False,
        attributes={"autocomplete": "shipping address-line2"},
    )
    region = text(
        "County, state or region",
        "",
        required=False,
        max_length=80,
        attributes={"autocomplete": "shipping address-level1"},
    )
    city = text(
        "Town or city",
        "Enter a town or city",
        max_length=80,
        attributes={"autocomplete": "shipping address-level2"},
    )
    postal_code = text(
        "Postcode",
        "Enter a postcode",
        required=False,
        max_length=20,
        attributes={"autocomplete": "shipping postal-code", "autocapitalize": "characters"},
    )
    method = forms.ChoiceField(
        label="Delivery",
        widget=forms.RadioSelect,
        error_messages={
            "required": "Choose how to deliver",
            "invalid_choice": "Choose one of the delivery options",
        },
    )

    # What stands behind "More address lines": folded away until it is needed.
    FOLDED: tuple[str, ...] = ("line2", "region")

    def __init__(self, *args: Any, methods: list[tuple[str, str]], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["method"].choices = methods  # type: ignore[attr-defined]  # a ChoiceField

    @property
    def is_unfolded(self) -> bool:
        """Tell whether a folded field has a value or an error, so that it must be seen."""
        return any(self[name].value() or self[name].errors for name in self.FOLDED)

    def clean(self) -> dict[str, Any]:
        """Ask for a postcode where the country has them, and spell it as it is spelled there."""
        data = super().clean() or {}
        country, code = data.get("country"), data.get("postal_code")
        if not country or code is None:
            return data
        if not code and addresses.needs_postcode(country):
            self.add_error("postal_code", "Enter a postcode")
            return data
        try:
            data["postal_code"] = addresses.clean_postcode(code, country)
        except addresses.BadPostcode:
            self.add_error("postal_code", "Enter a full UK postcode, as SW1A 2AA")
        return data


class Lookup(forms.Form):
    """Number and e-mail address of an order. `number` comes out as it is stored."""

    number = text(
        "Order number",
        "Enter your order number",
        max_length=30,
        help_text="It starts with GM and is in your confirmation e-mail.",
        attributes={"autocomplete": "off", "spellcheck": "false", "autocapitalize": "characters"},
    )
    email = forms.EmailField(
        label="E-mail address",
        help_text="The one that you gave with the order.",
        widget=forms.EmailInput(attrs={"autocomplete": "email", "spellcheck": "false"}),
        error_messages={
            "required": "Enter your e-mail address",
            "invalid": "Enter an e-mail address in the right form, as name@example.com",
        },
    )

    def clean_number(self) -> str:
        """Return the number in the stored spelling; what cannot be one finds nothing later."""
        return parse_order_number(self.cleaned_data["number"]) or ""


class VoucherCode(forms.Form):
    """The code of a voucher, as it was typed."""

    voucher = text("Voucher code", "Enter the code of your voucher", max_length=40)


class Amount(forms.Form):
    """A quantity of one product. Zero is for lines of a basket: it removes them."""

    # PostgreSQL's bigint ends there.
    product = forms.IntegerField(min_value=1, max_value=2**63 - 1)
    quantity = forms.IntegerField(
        min_value=0,
        max_value=MAX_QUANTITY,
        error_messages={
            "required": "Enter a quantity",
            "invalid": "Enter the quantity as a whole number",
            "min_value": "Enter a quantity of 1 or more",
            "max_value": f"You can order up to {MAX_QUANTITY} of one product",
        },
    )
