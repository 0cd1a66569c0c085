"""Orders are found by whatever others call them, and never by reading a table through."""

from collections.abc import Callable

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from hypothesis import given
from hypothesis import strategies as st

from fulfillment.models import Fulfillment, Shipment, Warehouse
from orders.models import Order
from orders.models.expressions import folded_name
from orders.queries.folding import fold, phone_ends, words_of
from orders.queries.search import find_orders
from orders.services.name_parts import NoTrigrams, index_name_parts
from payments.models import PaymentAttempt, Refund, RefundItem
from tests import builders

Find = Callable[[str], dict[int, str]]


@pytest.fixture
def find(db: None) -> Find:
    return lambda text: find_orders(text=text).matches


@pytest.fixture
def order(shop: None) -> Order:
    """Zoë's order from Kraków, with all that others call it."""
    address = builders.Address(
        name="Søren Weiß", line1="1 Rynek", city="Kraków", postal_code="31-001", country="GB"
    )
    order = builders.place(
        {"MUG": 1},
        name="Zoë O'Brien-Łukasz",
        email="Zoe.OBrien@Example.com",
        phone="+442079460123",
        shipping_address=address,
        external_ref="MP-2611-7",
        api_client_id=builders.add_client().pk,
    )
    attempt = PaymentAttempt.objects.get(order=order)
    attempt.stripe_intent_id, attempt.stripe_charge_id = "pi_3Zoe0001", "ch_3Zoe0001"
    attempt.state, attempt.authorized_minor = "captured", attempt.amount_minor
    attempt.captured_minor = attempt.amount_minor
    attempt.save()
    refund = Refund.objects.create(
        order=order,
        attempt=attempt,
        currency="GBP",
        amount_minor=100,
        reason="goodwill",
        requested_by="staff:1",
        stripe_refund_id="re_3Zoe0001",
    )
    RefundItem.objects.create(refund=refund, kind="amount", amount_minor=100)
    _send(order)
    return order


def _send(order: Order) -> None:
    warehouse = Warehouse.objects.get()
    request = Fulfillment.objects.create(
        order=order,
        warehouse=warehouse,
        reference=f"{order.number}-1",
        order_number=order.number,
        service="standard",
        ship_to={},
        state="shipped",
        wms_number="W01000042",
    )
    Shipment.objects.create(
        public_id="shp_ZOE",
        order=order,
        fulfillment=request,
        warehouse=warehouse,
        wms_shipment_id="P000000042",
        tracking_number="RP123 456 789GB",
        shipped_at=builders.NOON,
    )


class TestFinding:
    @pytest.mark.parametrize(
        ("text", "kind"),
        [
            ("zoe.obrien@example.com", "e-mail address"),
            ("ZOE.OB", "e-mail address"),
            ("zoe.obrien@exam", "e-mail address"),
            ("+44 20 7946 0123", "telephone number"),
            ("020 7946 0123", "telephone number"),
            ("(020) 7946-0123", "telephone number"),
            ("+44 (0)20 7946 0123", "telephone number"),
            ("0044 20 79460123", "telephone number"),
            ("79460123", "telephone number"),
            ("zoe", "name"),
            ("ZOË OBRI", ""),
            ("zoe o'brien", "name"),
            ("o’brien", "name"),
            ("lukasz zoe", "name"),
            ("Soren Weiss", "name"),
            ("RP123456789GB", "tracking number"),
            ("rp123 456789gb", "tracking number"),
            ("W01000042", "warehouse's id"),
            ("w01000042", "warehouse's id"),
            ("P000000042", "warehouse's id"),
            ("pi_3Zoe0001", "id at Stripe"),
            ("ch_3Zoe0001", "id at Stripe"),
            ("re_3Zoe0001", "id at Stripe"),
            ("MP-2611-7", "client's reference"),
            ("re_3Zoe0002", ""),
            ("zoë smith", ""),
            ("%", ""),
            ("%%%", ""),
            ("___", ""),
            ("\x00abc", ""),
            ("zo", ""),
            ("", ""),
        ],
    )
    def test_each_kind_of_text_finds_the_order(
        self, find: Find, order: Order, text: str, kind: str
    ) -> None:
        assert find(text) == ({order.pk: kind} if kind else {})

    def test_its_numbers_find_it_however_they_are_written(self, find: Find, order: Order) -> None:
        bare = order.number.replace("-", "").lower()
        for text in (order.number, bare, bare[2:], f" {order.number.lower()} "):
            assert find(text)[order.pk] == "number"
        assert find(order.number[:8]) == {order.pk: "number"}
        assert find(order.number[:11]) == {order.pk: "number"}
        assert find(f"{order.number}-1") == {order.pk: "warehouse's id"}
        assert find(order.public_id) == {order.pk: "id"}

    def test_the_newest_come_first_and_more_are_told(self, shop: None) -> None:
        made = [builders.place({"MUG": 1}).pk for _ in range(4)]
        found = find_orders(text="lovelace", most=3)
        assert list(found.matches) == made[:0:-1]
        assert found.is_more
        assert not find_orders(text="lovelace", most=4).is_more


class TestFolding:
    @given(st.text(alphabet=st.characters(exclude_categories=("Cs",), exclude_characters="\0")))
    def test_the_database_folds_names_as_we_do_what_is_typed(self, text: str) -> None:
        # Lower case of some scripts differs with the locale; accents may not.
        assert fold(fold(text)) == fold(text)

    @pytest.mark.django_db
    def test_the_database_writes_the_same(self) -> None:
        names = ["Zoë", "ŁUKASZ", "Ærø Weiß", "İzmir", "Đặng Thị", "ÅNGSTRÖM", "ŒUVRE", "Ħal"]
        with connection.cursor() as cursor:
            for name in names:
                compiler = Order.objects.annotate(key=folded_name()).query.get_compiler("default")
                template, _ = compiler.compile(folded_name().resolve_expression(compiler.query))
                cursor.execute(
                    "SELECT " + template.replace('"orders_order"."name"', "%s::text"), [name]
                )
                assert cursor.fetchone() == (fold(name),)

    def test_words_and_ends(self) -> None:
        assert words_of("Zoë O'Brien") == ["zoe", "brien"]
        assert words_of("Ng X") == ["ng"]
        assert phone_ends("12") == []
        assert phone_ends("12a4567") == []
        assert "442079460123" in phone_ends("020 7946 0123")


class TestPlans:
    @pytest.fixture(autouse=True)
    def _no_cheap_scan(self, db: None) -> None:
        """On a table of one row a scan is cheapest: asked is whether an index could serve."""
        with connection.cursor() as cursor:
            cursor.execute("SET LOCAL enable_seqscan = off")

    @pytest.mark.parametrize(
        "text",
        [
            *(
                "GM-01234",
                "GM-01234-56789",
                "ada@example.com",
                "ada.lov",
                "020 7946 0123",
                "lovelace",
            ),
            *("pi_30000000", "ch_30000000", "re_30000000", "dp_30000000", "evt_3000000"),
            *("RP123456789GB", "W01000042", "MP-2611-7", "INV-2026-000001", "ord_0123456789"),
        ],
    )
    def test_every_look_up_is_by_index(self, shop: None, text: str) -> None:
        with CaptureQueriesContext(
            connection,
        ) as queries:
            find_orders(text=text)
        asked = [query["sql"] for query in queries if query["sql"].startswith("SELECT ")]
        assert asked
        for statement in asked:
            with connection.cursor() as cursor:
                cursor.execute("EXPLAIN " + statement)
                plan = "\n".join(row[0] for row in cursor.fetchall())
            assert "Seq Scan" not in plan, f"{statement}\n{plan}"
            assert "Index Cond" in plan, f"{statement}\n{plan}"


class TestTrigrams:
    def test_parts_of_names_are_found_where_they_are_indexed(
        self, find: Find, order: Order
    ) -> None:
        assert find("ukas") == {}
        with connection.cursor() as cursor:
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        try:
            assert index_name_parts(concurrently=False)
        except NoTrigrams:
            pytest.skip("this PostgreSQL has no pg_trgm")
        assert not index_name_parts(concurrently=False)
        assert find("ukas") == {order.pk: "name"}
        assert find("nobody") == {}
