"""The house's choreography without messages: providers have proofs of their own."""

from dataclasses import replace

from globalmart import wiring

MESSAGES = "notifications."

WIRING = replace(
    wiring.WIRING,
    consumers={
        event: tuple(each for each in many if not each.handler.startswith(MESSAGES))
        for event, many in wiring.WIRING.consumers.items()
    },
    work={name: kind for name, kind in wiring.WIRING.work.items() if not name.startswith(MESSAGES)},
)
