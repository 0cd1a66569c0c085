"""`python -m globalmart.sandbox demo | smoke | exec -- COMMAND | servers -- COMMAND`."""

import argparse
import signal
import subprocess
import sys
from collections.abc import Mapping
from contextlib import ExitStack

from globalmart.sandbox import selftest, walkthrough, welcome
from globalmart.sandbox.accounts import NoAccount
from globalmart.sandbox.banner import Reporter
from globalmart.sandbox.environment import LiveKeys, inherited
from globalmart.sandbox.folders import ROOT, InUse, throw_away_state
from globalmart.sandbox.ports import PortTaken
from globalmart.sandbox.postgres import NoDatabase
from globalmart.sandbox.processes import ProcessFailed, die_with_parent
from globalmart.sandbox.signals import Stopped, raise_on_stop, wait_for
from globalmart.sandbox.stack import Stack
from globalmart.sandbox.stores import Unreachable, open_stores
from globalmart.sandbox.supervisor import Supervisor
from globalmart.sandbox.valkey import NoRedis

CANNOT_START = (
    *(InUse, LiveKeys, NoAccount, NoDatabase, NoRedis, PortTaken, ProcessFailed, Unreachable),
    selftest.SelfTestFailed,
)
COMMAND_ENDS_WITHIN_SECONDS = 30


def demo(reporter: Reporter) -> int:
    """Start the shop on the data of the last run, prove it, say where to look, run until told."""
    reporter.line("GlobalMart OMS demo: no outside service is contacted", style="bold")
    with Stack(reporter=reporter, state=ROOT / "var") as stack:
        with reporter.step("self-test") as step:
            step.detail = selftest.buy_through_api(selftest.Shop.of(stack.environment))
        welcome.show(reporter, stack.environment)
        stack.supervisor.failed.wait()
        reporter.fail(stack.supervisor.failure or "a process is gone")
    return 1


def smoke(reporter: Reporter) -> int:
    """Start the shop on throw-away data, buy through the API and the pages, stop."""
    with Stack(reporter=reporter) as stack:
        shop = selftest.Shop.of(stack.environment)
        with reporter.step("buy by API") as step:
            step.detail = selftest.buy_through_api(shop)
        with reporter.step("buy by pages") as step:
            step.detail = walkthrough.buy_through_pages(shop)
    reporter.line(" ok  everything has stopped", style="green")
    return 0


def run_in_stack(reporter: Reporter, command: list[str], *, failpoints: bool) -> int:
    """Run a command beside a whole throw-away shop; return its exit code."""
    with Stack(reporter=reporter, failpoints=failpoints) as stack:
        return _run(command, stack.environment)


def run_beside_servers(reporter: Reporter, command: list[str]) -> int:
    """Run a command beside a throw-away PostgreSQL and Redis alone; return its exit code."""
    with ExitStack() as closing:
        state = closing.enter_context(throw_away_state())
        logs = state / "log"
        logs.mkdir(mode=0o700)
        supervisor = Supervisor(logs=logs, say=reporter.warn)
        closing.callback(supervisor.stop)
        environment = {"GM_ENV": "test", **inherited()}
        stores = open_stores(
            state=state,
            is_throw_away=True,
            environment=environment,
            supervisor=supervisor,
            reporter=reporter,
            closing=closing,
        )
        environment |= {"DATABASE_URL": stores.owner_url, "REDIS_URL": stores.redis_url}
        return _run(command, environment)


def _run(command: list[str], environment: Mapping[str, str]) -> int:
    try:
        child = subprocess.Popen(
            command,
            env=dict(environment),
            preexec_fn=die_with_parent(signal.SIGTERM),
        )
    except OSError as error:
        print(f"{command[0]}: {error.strerror}", file=sys.stderr)
        return 127
    code = wait_for(child, patience_seconds=COMMAND_ENDS_WITHIN_SECONDS)
    return code if code >= 0 else 128 - code


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m globalmart.sandbox", description=__doc__)
    modes = parser.add_subparsers(dest="mode", required=True)
    modes.add_parser("demo", help="the shop on kept data, until Ctrl-C")
    modes.add_parser("smoke", help="the shop on throw-away data buys twice and stops")
    for name, what in (("exec", "the whole shop"), ("servers", "PostgreSQL and Redis")):
        mode = modes.add_parser(name, help=f"run a command beside {what}, on throw-away data")
        mode.add_argument("--quiet", action="store_true", help="print warnings only")
        if name == "exec":
            crash = "let the command order crashes in the folder GM_FAILPOINTS"
            mode.add_argument("--failpoints", action="store_true", help=crash)
        mode.add_argument("command", nargs="+", metavar="COMMAND", help="after --")
    return parser.parse_args()


def main() -> int:
    """Run one mode; return its exit code."""
    options = _options()
    reporter = Reporter(is_quiet=getattr(options, "quiet", False))
    raise_on_stop()
    try:
        match options.mode:
            case "demo":
                return demo(reporter)
            case "smoke":
                return smoke(reporter)
            case "exec":
                return run_in_stack(reporter, options.command, failpoints=options.failpoints)
            case _:
                return run_beside_servers(reporter, options.command)
    except Stopped as stopped:
        reporter.line(" ok  everything has stopped")
        return 0 if options.mode == "demo" else stopped.exit_code
    except CANNOT_START as error:
        reporter.fail(str(error))
        return 1


if __name__ == "__main__":
    sys.exit(main())
