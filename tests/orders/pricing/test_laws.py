"""Random orders keep the laws of pricing. A hundred thousand of them: `tests.proofs prices`."""

from dataclasses import replace
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orders.pricing import Line, Order, Rate, price
from tests.orders.pricing.laws import check, random_order


@given(st.randoms(use_true_random=False))
@settings(max_examples=150, deadline=None)
def test_a_random_order_keeps_the_laws(rng: Random) -> None:
    check(random_order(rng), rng)


def test_most_random_orders_are_priced() -> None:
    rng = Random(7)
    priced = [check(random_order(rng), rng) for _ in range(300)]
    assert sum(amounts is not None for amounts in priced) > 150
    assert any(amounts and amounts.shipping_discount_minor for amounts in priced)
    assert any(amounts and len(amounts.discounts) > 2 for amounts in priced)


MUG = Line(sku="MUG", quantity=1, unit_price_minor=900, tax_class="standard")
ONE = Order(lines=(MUG,), tax_rates={"standard": 2000}, tax_included=True)


class TestRefusals:
    @pytest.mark.parametrize("lines", [(), (MUG, MUG)])
    def test_an_order_has_lines_and_one_for_each_sku(self, lines: tuple[Line, ...]) -> None:
        with pytest.raises(ValueError, match="one for each SKU"):
            price(replace(ONE, lines=lines))


class TestShipping:
    BANDS = (
        Rate(amount_minor=400, weight_below_grams=1000),
        Rate(amount_minor=900, weight_from_grams=1000, value_below_minor=5000),
        Rate(amount_minor=100, weight_from_grams=1000, value_from_minor=5000),
    )

    @pytest.mark.parametrize(
        ("grams", "worth", "costs"),
        [(999, 4999, 400), (1000, 4999, 900), (1000, 5000, 100), (0, 0, 400)],
    )
    def test_bounds_below_are_included_and_bounds_above_are_not(self, grams, worth, costs) -> None:
        line = replace(MUG, unit_price_minor=worth, weight_grams=grams)
        assert price(replace(ONE, lines=(line,), shipping=self.BANDS)).shipping_minor == costs

    def test_the_cheapest_rate_that_holds_is_taken(self) -> None:
        rates = (Rate(amount_minor=500), Rate(amount_minor=700, free_from_minor=900))
        assert price(replace(ONE, shipping=rates)).shipping_minor == 0

    def test_is_taxed_as_the_goods_for_which_most_is_paid(self) -> None:
        book = replace(MUG, sku="BOOK", unit_price_minor=901, tax_class="zero")
        order = replace(ONE, lines=(MUG, book), shipping=(Rate(amount_minor=395),))
        assert price(order).shipping_tax_rate_bp == 0
        dearer = replace(MUG, quantity=2)
        assert price(replace(order, lines=(dearer, book))).shipping_tax_minor == 66
