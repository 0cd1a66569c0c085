"""What the demo says once it runs: addresses, logins, what to try."""

from collections.abc import Mapping

from globalmart.sandbox.banner import Reporter

STAFF = "ops@demo.example"  # as the seed names it


def show(reporter: Reporter, environment: Mapping[str, str]) -> None:
    """Print where everything is. The logins shown open this demo and nothing else."""
    base = environment["BASE_URL"]
    password = environment["GM_DEMO_STAFF_PASSWORD"]
    rows = [
        ("Shop", f"{base}/", "pay with 4242 4242 4242 4242, any date to come, any CVC"),
        ("Staff", f"{base}/admin/", f"{STAFF} / {password}"),
        ("API", f"{base}/api/docs/", f"key {environment['GM_API_KEY']}"),
        ("Messages", f"{environment['SANDBOX_MESSAGES_URL']}/", "every mail and SMS"),
    ]
    reporter.line()
    for name, address, words in rows:
        reporter.line(f"{name:<9} {address:<36} {words}", style="bold")
    reporter.line()
    reporter.line(
        "Try       decline a card: 4000 0000 0000 0002 · ask for 3-D Secure: 4000 0027 6000 3184"
    )
    reporter.line("          break the warehouse:")
    reporter.line(
        f"          curl -X POST {environment['SANDBOX_WAREHOUSE_URL']}/_control/faults "
        """-H 'Content-Type: application/json' -d '{"operation": "*", "fault": "error_before"}'"""
    )
    reporter.line("          and repair it:")
    reporter.line(
        f"          curl -X DELETE {environment['SANDBOX_WAREHOUSE_URL']}/_control/faults"
    )
    reporter.line("Logs      var/log/     Stop  Ctrl-C (data stay)     Forget all  make clean")
    reporter.line(f"Ready after {reporter.seconds:.1f} s.", style="green")
