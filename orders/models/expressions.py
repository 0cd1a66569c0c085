"""What orders are found by, as expressions: an index and its query must be the same to the letter.

`orders.queries.folding` writes what somebody typed in the same way.
"""

from django.contrib.postgres.search import SearchVector
from django.db.models import CharField, F, Func, TextField
from django.db.models.expressions import Combinable
from django.db.models.fields.json import KeyTextTransform
from django.db.models.functions import Lower, Reverse

# Letters that carry no accent but are written without theirs: one for one, then one for two.
PLAIN = str.maketrans("ØøŁłĐđÐðıĦħŦŧ", "OoLlDdDdiHhTt")
PAIRS = (("ß", "ss"), ("ẞ", "SS"), ("æ", "ae"), ("Æ", "AE"), ("œ", "oe"), ("Œ", "OE"))
# Combining marks: what is left of an accent once its letter stands apart.
MARKS = "\u0300-\u036f"
WORDS_CONFIG = "simple"  # built in, without stemming: names are no English


def _template() -> str:
    text = "%(expressions)s"
    for found, plain in PAIRS:
        text = f"replace({text}, '{found}', '{plain}')"
    letters = "".join(map(chr, PLAIN)), "".join(map(chr, PLAIN.values()))
    text = f"translate({text}, '{letters[0]}', '{letters[1]}')"
    return f"lower(regexp_replace(normalize({text}, NFKD), '[{MARKS}]', '', 'g'))"


class Folded(Func):
    """A text in lower case without accents. Immutable, so it can be indexed; no extension."""

    template = _template()
    output_field = TextField()

    def __init__(self, expression: Combinable | str) -> None:
        super().__init__(expression)


def folded_name() -> Folded:
    """Return the customer's name, folded."""
    return Folded(F("name"))


def name_words() -> SearchVector:
    """Return the words of the customer's and of the recipient's name, folded."""
    recipient = KeyTextTransform("name", "shipping_address")
    return SearchVector(folded_name(), Folded(recipient), config=WORDS_CONFIG)


def email_key() -> Lower:
    """Return the e-mail address in lower case."""
    return Lower("email")


def phone_end() -> Reverse:
    """Return the phone number backwards: people leave its beginning out."""
    return Reverse(F("phone"), output_field=CharField())
