"""Savepoints are named by their depth, so that PostgreSQL sees few texts, and nest as Django's."""

import pytest
from django.db import connection, transaction

from globalmart.core.models import ApiClient
from globalmart.core.postgresql.base import PREPARED_MOST

pytestmark = pytest.mark.django_db


def names() -> set[str]:
    return set(ApiClient.objects.values_list("name", flat=True))


class Broken(Exception):
    """Ends a block."""


@transaction.atomic
def add(*added: str, fails: bool = False) -> None:
    """Add clients, each inside of the one before."""
    if added:
        ApiClient.objects.create(name=added[0])
        add(*added[1:])
    if fails:
        raise Broken


@transaction.atomic
def add_and_go_on(name: str) -> None:
    add(name)
    with pytest.raises(Broken):
        add("lost", fails=True)
    add(f"{name} after")


def test_what_fails_inside_takes_back_that_alone() -> None:
    with pytest.raises(Broken):
        add("second", "third", fails=True)
    add_and_go_on("fourth")

    assert names() == {"fourth", "fourth after"}


def test_savepoints_side_by_side_have_one_text() -> None:
    texts: list[str] = []

    def listen(execute, sql, params, many, context):  # type: ignore[no-untyped-def]
        texts.append(sql)
        return execute(sql, params, many, context)

    with connection.execute_wrapper(listen):
        for _ in range(3):
            with transaction.atomic():
                pass

    assert len(texts) == 6
    assert len(set(texts)) == 2


def test_a_connection_keeps_many_statements() -> None:
    connection.ensure_connection()
    assert connection.connection.prepared_max == PREPARED_MOST
