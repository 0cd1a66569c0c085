"""Fields that take exactly what the contract says: no number as text, no text as number."""

import re
from typing import Any

import phonenumbers
from django.conf import settings
from rest_framework import serializers

from orders import addresses

# Control characters, line and paragraph separators, lone surrogates: none belongs in one line.
NOT_IN_A_LINE = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
METADATA_PAIRS = 20
METADATA_KEY = re.compile(r"[A-Za-z0-9_.:-]{1,40}")


class Line(serializers.CharField):
    """One line of text with a maximum length; spaces at its ends are dropped."""

    default_error_messages = {
        "invalid": "Send a text.",
        "blank": "Send a text that is not empty.",
        "control": "Control characters and line breaks are not allowed here.",
        "max_length": "Send at most {max_length} characters.",
    }

    def run_validation(self, data: Any = serializers.empty) -> Any:
        """Return the text. Raises ValidationError."""
        if isinstance(data, str):
            # Length first: nothing else should look at a megabyte.
            if self.max_length is not None and len(data) > self.max_length:
                self.fail("max_length", max_length=self.max_length)
            if NOT_IN_A_LINE.search(data):
                self.fail("control")
        elif data is not None and data is not serializers.empty:
            self.fail("invalid")
        return super().run_validation(data)


class EmailLine(Line, serializers.EmailField):
    """An e-mail address."""

    default_error_messages = {"invalid": "Send an e-mail address, as ada@example.com."}


class WholeNumber(serializers.IntegerField):
    """A JSON integer between two bounds; true, 1.0 and "1" are refused."""

    default_error_messages = {
        "invalid": "Send a whole number, not a text or a fraction.",
        "min_value": "Send {min_value} or more.",
        "max_value": "Send {max_value} or less.",
    }

    def to_internal_value(self, data: Any) -> int:
        """Return the number. Raises ValidationError."""
        if data.__class__ is not int:
            self.fail("invalid")
        return int(data)


class Flag(serializers.BooleanField):
    """true or false, and nothing that resembles them."""

    default_error_messages = {"invalid": "Send true or false."}

    def to_internal_value(self, data: Any) -> bool:
        """Return the flag. Raises ValidationError."""
        if data.__class__ is not bool:
            self.fail("invalid")
        return bool(data)


class Country(Line):
    """An ISO 3166 two-letter code that a parcel can be sent to."""

    default_error_messages = {"unknown": "Send a two-letter ISO 3166 country code, as GB."}

    def to_internal_value(self, data: Any) -> str:
        """Return the code in capitals. Raises ValidationError."""
        code = super().to_internal_value(data).upper()
        if code not in dict(addresses.list_countries()):
            self.fail("unknown")
        return code


class Phone(Line):
    """A phone number; comes out in international form, as +442071234567."""

    default_error_messages = {"number": "Send a phone number, as +442071234567."}

    def to_internal_value(self, data: Any) -> str:
        """Return the number in E.164. Raises ValidationError."""
        text = super().to_internal_value(data)
        try:
            number = phonenumbers.parse(text, settings.SHOP_COUNTRY)
        except phonenumbers.NumberParseException:
            self.fail("number")
        if not phonenumbers.is_possible_number(number):
            self.fail("number")
        return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


class Metadata(serializers.DictField):
    """Up to 20 pairs of the client's own texts, kept and returned as they are."""

    default_error_messages = {
        "not_a_dict": "Send an object of texts.",
        "pairs": f"Send at most {METADATA_PAIRS} pairs.",
        "key": "Use 1 to 40 letters, digits or _ . : - as a name.",
    }

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(child=Line(max_length=500, allow_blank=True), **kwargs)

    def to_internal_value(self, data: Any) -> dict[str, str]:
        """Return the pairs. Raises ValidationError."""
        if isinstance(data, dict):
            if len(data) > METADATA_PAIRS:
                self.fail("pairs")
            for name in data:
                if not METADATA_KEY.fullmatch(name):
                    raise serializers.ValidationError({name[:60]: [self.error_messages["key"]]})
        return dict(super().to_internal_value(data))
