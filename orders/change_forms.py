"""What is typed to change a placed order, by its customer or by staff."""

from dataclasses import dataclass
from typing import Any

from django import forms

from orders.forms import Delivery, text
from orders.models import OrderLine

# Chosen, not typed: the reason goes to the warehouse and into the timeline.
REASONS = (
    ("changed their mind", "I have changed my mind"),
    ("ordered by mistake", "I ordered it by mistake"),
    ("takes too long", "It takes too long"),
    ("found elsewhere", "I found it elsewhere"),
    ("no reason given", "I would rather not say"),
)
NOTHING = "Say of at least one thing how many you do not want"


class UnitsForm(forms.Form):
    """How many units of each line are not wanted, and what the page knew of them (`seen`)."""

    reason = forms.ChoiceField(
        label="Why? (optional)", choices=(("", "Please choose"), *REASONS), required=False
    )

    def __init__(self, data: object, *, can: dict[int, int], lines: list[OrderLine]) -> None:
        super().__init__(data)  # type: ignore[arg-type]  # a QueryDict, or None
        for line in lines:
            most = can.get(line.position, 0)
            self.fields[f"line_{line.position}"] = forms.IntegerField(
                label=f"How many of {line.name}",
                min_value=0,
                max_value=most,
                required=False,
                widget=forms.NumberInput(
                    attrs={"min": 0, "max": most, "inputmode": "numeric", "placeholder": "0"}
                ),
                error_messages={
                    "invalid": "Enter the number as a whole number",
                    "min_value": "Enter 0 or more",
                    "max_value": f"Only {most} of these can still be cancelled",
                },
            )
            self.fields[f"seen_{line.position}"] = forms.IntegerField(
                min_value=0, required=False, initial=line.cancelled, widget=forms.HiddenInput
            )

    def clean(self) -> dict[str, object]:
        """At least one unit must be named."""
        data = super().clean() or {}
        if not self.errors and not self.units:
            raise forms.ValidationError(NOTHING)
        return data

    def _numbers(self, prefix: str) -> dict[int, int]:
        return {
            int(name.removeprefix(prefix)): count or 0
            for name, count in self.cleaned_data.items()
            if name.startswith(prefix)
        }

    @property
    def units(self) -> dict[int, int]:
        """What is not wanted, by position."""
        return {place: count for place, count in self._numbers("line_").items() if count}

    @property
    def seen(self) -> dict[int, int]:
        """How many units of each line were cancelled when the page was made."""
        return self._numbers("seen_")


@dataclass(frozen=True, slots=True)
class Row:
    """A line with its fields on the page."""

    line: OrderLine
    most: int
    field: forms.BoundField
    seen: forms.BoundField


def rows_of(form: UnitsForm, lines: list[OrderLine], can: dict[int, int]) -> list[Row]:
    """Return the lines of which units can still be cancelled, with their fields."""
    return [
        Row(line, can[line.position], form[f"line_{line.position}"], form[f"seen_{line.position}"])
        for line in lines
        if can.get(line.position)
    ]


class Destination(Delivery):
    """Where the parcels of a placed order go; how they go stays as it was."""

    method = None  # type: ignore[assignment]  # so Django takes a field of the base away
    company = text("Company", "", required=False, attributes={"autocomplete": "organization"})

    FOLDED = ("line2", "region", "company")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        forms.Form.__init__(self, *args, **kwargs)
