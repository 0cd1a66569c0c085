"""The choreography is whole: every name leads somewhere, every state has an end."""

import importlib

import pytest
from django.conf import settings
from django.core.checks import run_checks
from django.db import connection
from django.test import override_settings

from fulfillment.states import FULFILLMENT, RESERVATION
from globalmart import checks
from globalmart.core.choreography import dotted_names, resolve, wiring
from globalmart.core.outbox import Event
from globalmart.core.states import IllegalTransition, require
from notifications.states import MESSAGE
from orders.states import ORDER
from payments.states import ATTEMPT, OPERATION

APPS = ("orders", "payments", "fulfillment")


def event_names() -> set[str]:
    for app in APPS:
        importlib.import_module(f"{app}.events")

    def below(kind: type[Event]) -> list[type[Event]]:
        return [found for child in kind.__subclasses__() for found in (child, *below(child))]

    return {found.name for found in below(Event) if "name" in vars(found)}


class TestWiring:
    @pytest.mark.parametrize("dotted", dotted_names())
    def test_names_only_what_is_there(self, dotted: str) -> None:
        is_table = dotted in [machine.table for machine in wiring().machines.values()]
        assert is_table or callable(resolve(dotted))
        assert resolve(dotted)

    def test_listens_to_events_that_exist(self) -> None:
        assert set(wiring().consumers) | set(wiring().rings) <= event_names()

    def test_rings_for_work_that_exists(self) -> None:
        table = wiring()
        rung = {name for names in table.rings.values() for name in names}
        rung |= {name for many in table.consumers.values() for one in many for name in one.rings}

        assert rung <= set(table.work)

    def test_uses_queues_that_have_a_worker(self) -> None:
        table = wiring()
        queues = {kind.queue for kind in table.work.values()}
        queues |= {one.queue for many in table.consumers.values() for one in many}

        assert queues <= set(settings.QUEUES)


class TestStates:
    @pytest.mark.parametrize(
        "table", [ORDER, ATTEMPT, OPERATION, FULFILLMENT, RESERVATION, MESSAGE]
    )
    def test_lead_only_to_other_states_of_the_machine(self, table: dict) -> None:
        states = type(next(iter(table)))

        for before, after in table.items():
            assert before not in after
            assert after <= set(states)

    def test_refuse_an_edge_that_is_not_in_the_table(self) -> None:
        require(ORDER, "order", "draft", "pending_payment")

        with pytest.raises(IllegalTransition, match="order cannot go from completed to draft"):
            require(ORDER, "order", "completed", "draft")


class TestDottedNamesResolve:
    def test_finds_nothing_wrong_today(self) -> None:
        assert [found for found in run_checks() if found.id == "globalmart.E001"] == []

    @pytest.mark.parametrize(
        "wrong",
        [
            {"MIDDLEWARE": ["globalmart.core.requests.Missing"]},
            {"WSGI_APPLICATION": "globalmart.nowhere.application"},
            {"UNFOLD": {"ENVIRONMENT": "x", "SIDEBAR": {"navigation": "globalmart.staff.sidebar"}}},
        ],
    )
    def test_names_the_setting_that_leads_nowhere(self, wrong: dict[str, object]) -> None:
        with override_settings(**wrong):
            (found,) = checks.dotted_names_resolve(app_configs=None)

        assert found.id == "globalmart.E001"
        assert found.hint

    def test_names_a_handler_that_leads_nowhere(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(checks.choreography, "dotted_names", lambda: ["orders.jobs.on_luck"])

        (found,) = checks.dotted_names_resolve(app_configs=None)

        assert "orders.jobs.on_luck" in found.msg


@pytest.mark.django_db
class TestConnectionHasTimeLimits:
    LIMITS = ("lock_timeout", "statement_timeout", "idle_in_transaction_session_timeout")

    def warn(self, **values: str) -> list[str]:
        with connection.cursor() as cursor:
            for name in self.LIMITS:
                cursor.execute(f"SET LOCAL {name} = '{values.get(name, '5s')}'")
        found = checks.connection_has_time_limits(app_configs=None, databases=["default"])
        return [f"{one.id} {one.msg} {one.hint}" for one in found]

    def test_is_silent_where_every_wait_ends(self) -> None:
        assert self.warn() == []

    @pytest.mark.parametrize("name", LIMITS)
    def test_names_the_limit_and_the_cure(self, name: str) -> None:
        (text,) = self.warn(**{name: "0"})

        assert text.startswith("globalmart.W001")
        assert f"SET {name} = " in text
        assert "ALTER ROLE" in text

    def test_asks_no_database_unless_told_to(self) -> None:
        assert checks.connection_has_time_limits(app_configs=None, databases=None) == []
