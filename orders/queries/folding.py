"""What somebody typed, written as the search's indexes have it (orders.models.expressions)."""

import re
import unicodedata

import phonenumbers
from django.conf import settings

from orders.models.expressions import MARKS, PAIRS, PLAIN

LEAST_DIGITS = 6
_MARKS = re.compile(f"[{MARKS}]")
_PHONE = re.compile(r"\+?[\d\s()./-]{6,40}")


def fold(text: str) -> str:
    """Return a text in lower case without accents, as the database folds names."""
    for found, plain in PAIRS:
        text = text.replace(found, plain)
    apart = unicodedata.normalize("NFKD", text.translate(PLAIN))
    return _MARKS.sub("", apart).lower()


def words_of(text: str) -> list[str]:
    """Return the folded words of a text; single letters only where there is nothing longer."""
    words = re.findall(r"[^\W_]+", fold(text))
    return [word for word in words if len(word) > 1] or words


def phone_ends(text: str) -> list[str]:
    """Return with which digits the stored number (E.164) may end, from any spelling; none if the
    text is no telephone number. A number without its country is the shop's, or any country's."""
    text = text.strip()
    digits = re.sub(r"\D", "", text)
    if not _PHONE.fullmatch(text) or len(digits) < LEAST_DIGITS:
        return []
    # A country's number is written with a zero ahead at home, and in brackets abroad.
    ends = {digits.lstrip("0"), re.sub(r"\D", "", text.replace("(0)", "")).lstrip("0")}
    try:
        number = phonenumbers.parse(text, settings.SHOP_COUNTRY)
        written = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
        ends.add(written.removeprefix("+"))
    except phonenumbers.NumberParseException:
        pass
    return sorted(end for end in ends if len(end) >= LEAST_DIGITS)
