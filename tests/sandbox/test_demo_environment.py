"""Secrets, live keys, ports and the lock of a demo."""

import os
import re
import socket
from pathlib import Path

import pytest

from globalmart.sandbox import environment, folders, ports
from globalmart.sandbox.processlist import Addresses, ProcessList, settings
from globalmart.sandbox.stores import Stores


class TestSecrets:
    def test_are_made_once_for_the_owners_eyes(self, tmp_path: Path) -> None:
        path = tmp_path / ".env"

        first = environment.read_or_make(path)
        second = environment.read_or_make(path)

        assert first == second
        assert path.stat().st_mode & 0o777 == 0o600
        assert re.fullmatch(r"gm_test_[\w-]{43}", first["GM_DEMO_API_KEY"])
        assert len(first["SECRET_KEY"]) >= 50

    def test_differ_between_demos(self) -> None:
        one, other = environment.new_secrets(), environment.new_secrets()

        assert one["SECRET_KEY"] != other["SECRET_KEY"]
        assert one["GM_DEMO_API_KEY"] != other["GM_DEMO_API_KEY"]

    def test_keep_what_a_person_wrote_and_add_what_is_lacking(self, tmp_path: Path) -> None:
        path = tmp_path / ".env"
        path.write_text("SECRET_KEY='mine'\nWEB_THREADS=4\n")

        values = environment.read_or_make(path)

        assert values["SECRET_KEY"] == "mine"
        assert values["WEB_THREADS"] == "4"
        assert values["LINK_KEY"]
        assert environment.read_or_make(path) == values


class TestLiveKeys:
    @pytest.mark.parametrize(
        "value",
        ["sk_live_51Abc", "rk_live_51Abc", "pk_live_51Abc", "key=sk_live_51Abc", "gm_live_abc"],
    )
    def test_are_refused_without_being_repeated(self, value: str) -> None:
        with pytest.raises(environment.LiveKeys) as refusal:
            environment.refuse_live_keys({"PATH": "/bin", "STRIPE_SECRET_KEY": value})

        assert "STRIPE_SECRET_KEY holds a live key" in str(refusal.value)
        assert value not in str(refusal.value)

    def test_lets_test_keys_pass(self) -> None:
        environment.refuse_live_keys(environment.new_secrets(), {"NOTE": "task_live_ly"})


class TestSettings:
    def test_keep_the_addresses_that_the_environment_names(self, tmp_path: Path) -> None:
        ours = Addresses(8000, 8010, 8011, 8012)
        named = {"STRIPE_API_BASE": "https://api.stripe.com"}

        kept = settings(named, ours, tmp_path, wins=False)
        overruled = settings(named, ours, tmp_path, wins=True)

        assert kept["STRIPE_API_BASE"] == "https://api.stripe.com"
        assert kept["WMS_URL"].startswith("http://127.0.0.1:8011/")
        assert overruled["STRIPE_API_BASE"] == "http://127.0.0.1:8010"

    def test_raise_the_limit_of_stripe_for_the_sandbox_alone(self, tmp_path: Path) -> None:
        ours = Addresses(8000, 8010, 8011, 8012)
        real = {"STRIPE_API_BASE": "https://api.stripe.com"}

        assert settings({}, ours, tmp_path, wins=False)["STRIPE_RATE_LIMIT"] == "100"
        assert "STRIPE_RATE_LIMIT" not in settings(real, ours, tmp_path, wins=False)
        kept = settings({"STRIPE_RATE_LIMIT": "7"}, ours, tmp_path, wins=True)
        assert kept["STRIPE_RATE_LIMIT"] == "7"

    def test_raise_the_limit_of_the_warehouse_for_the_sandbox_alone(self, tmp_path: Path) -> None:
        ours = Addresses(8000, 8010, 8011, 8012)
        real = {"WMS_URL": "https://wms.example.com/soap"}

        assert settings({}, ours, tmp_path, wins=False)["WMS_RATE_PER_SECOND"] == "200"
        assert "WMS_RATE_PER_SECOND" not in settings(real, ours, tmp_path, wins=False)

    def test_ask_no_proxy_for_what_runs_here(self, tmp_path: Path) -> None:
        ours = Addresses(8000, 8010, 8011, 8012)

        bare = settings({}, ours, tmp_path, wins=True)
        told = settings({"NO_PROXY": "intranet.example"}, ours, tmp_path, wins=False)

        assert bare["NO_PROXY"] == bare["no_proxy"] == "127.0.0.1,localhost"
        assert told["NO_PROXY"] == "intranet.example,127.0.0.1,localhost"

    def test_may_hold_a_password_that_begins_with_a_dash(self, tmp_path: Path) -> None:
        ours = Addresses(8000, 8010, 8011, 8012)
        values = {
            "WMS_USERNAME": "oms",
            "WMS_PASSWORD": "-p4ss",
            "WMS_PUSH_SECRET": "hint",
            "STRIPE_WEBHOOK_SECRET": "whsec",
        }
        stores = Stores(owner_url="", web_url="", worker_url="", redis_url="")

        built = ProcessList(tmp_path, settings(values, ours, tmp_path, wins=True), ours, stores, "")
        found = {process.name: process.command for process in built.vendors()}

        assert "--password=-p4ss" in found["sandbox-warehouse"]


class TestPorts:
    def test_a_taken_port_is_avoided(self) -> None:
        with socket.socket() as other:
            other.bind((ports.LOOPBACK, 0))
            other.listen()
            taken = other.getsockname()[1]

            assert ports.next_free(start=taken) > taken

    def test_a_taken_port_that_was_asked_for_is_named(self) -> None:
        with socket.socket() as other:
            other.bind((ports.LOOPBACK, 0))
            other.listen()
            taken = other.getsockname()[1]

            with pytest.raises(ports.PortTaken, match=f"Port {taken} is taken"):
                ports.asked_for(str(taken))

    @pytest.mark.parametrize("value", ["web", "0", "70000", "-1"])
    def test_what_is_no_port_is_named(self, value: str) -> None:
        with pytest.raises(ports.PortTaken, match=f"PORT={value} is not a port"):
            ports.asked_for(value)

    def test_given_out_together_they_differ(self) -> None:
        assert len(set(ports.any_free(count=8))) == 8


class TestLock:
    def test_a_second_run_is_told_who_holds_the_folder(self, tmp_path: Path) -> None:
        with (
            folders.locked_state(tmp_path / "var"),
            pytest.raises(folders.InUse, match=f"process {os.getpid()} holds"),
            folders.locked_state(tmp_path / "var"),
        ):
            pass

    def test_is_free_again_afterwards(self, tmp_path: Path) -> None:
        with folders.locked_state(tmp_path / "var"):
            pass

        with folders.locked_state(tmp_path / "var") as state:
            assert (state / "lock").read_text() == str(os.getpid())

    def test_a_throw_away_folder_vanishes(self) -> None:
        with folders.throw_away_state() as state:
            (state / "log").mkdir()

        assert not state.exists()
