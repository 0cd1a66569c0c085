"""The small size of the proof at a Stripe server that nobody here wrote."""

from pathlib import Path

import pytest

from tests import builders
from tests.proofs.localstripe_run import pay
from tests.sandbox.localstripe_process import find_localstripe, localstripe


@pytest.mark.django_db
def test_captures_each_order_once_though_keys_are_ignored_and_answers_lost(
    tmp_path: Path,
) -> None:
    program = find_localstripe()
    if program is None:
        pytest.skip("localstripe is not installed: nobody but us has seen the retries")
    builders.open_shop()
    builders.add_product(on_hand=100)

    with localstripe(program, tmp_path) as url:
        figures = pay(url=url, orders=5, threads=1)

    assert figures["captured intents"] == 5
    assert figures["applied, and their answers lost"] > 0
