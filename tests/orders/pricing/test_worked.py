"""docs/reference/prices.md says what pricing does, example by example."""

from pathlib import Path

import pytest

from globalmart.core.money import LEAST_CHARGES, THREE_DECIMALS, charge_step, minor_digits
from globalmart.sandbox.stripe.currencies import MINIMUMS
from orders.pricing import price
from tests.orders.pricing.worked import EXAMPLES, table

PAGE = (Path(__file__).parents[3] / "docs" / "reference" / "prices.md").read_text()


@pytest.mark.parametrize("name", EXAMPLES)
def test_an_example_is_as_the_reference_has_it(name: str) -> None:
    currency, order = EXAMPLES[name]
    assert order.step_minor == charge_step(currency)
    _, _, section = PAGE.partition(f"### {name}\n")
    assert table(price(order), currency) in section.partition("### ")[0]


@pytest.mark.parametrize(
    ("currency", "digits", "step"),
    [("EUR", 2, 1), ("GBP", 2, 1), ("USD", 2, 1), ("JPY", 0, 1), ("KWD", 3, 10)],
)
def test_currencies_are_rounded_as_the_reference_says(currency, digits, step) -> None:
    assert (minor_digits(currency), charge_step(currency)) == (digits, step)
    assert f"| {currency} | {digits} | {step} |" in PAGE


def test_currencies_with_three_decimals_are_those_of_cldr() -> None:
    assert {minor_digits(each) for each in THREE_DECIMALS} == {3}
    for each in ("EUR", "JPY", "ISK", "CLP"):
        assert charge_step(each) == 1


def test_the_least_charges_are_those_that_stripe_refuses_below() -> None:
    assert {code.lower(): least for code, least in LEAST_CHARGES.items()} == MINIMUMS
