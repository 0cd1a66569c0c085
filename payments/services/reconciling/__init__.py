"""Our books against Stripe's: typed differences, the safe ones healed, the rest a case.

`comparing` decides what differs, and is pure; `healing` looks both sides up again before it
believes a difference, mends what is safe, and opens a case for the rest; `intents`, `refunds` and
`disputes` go through Stripe's lists; `balance` reads and books Stripe's own account with us, and
`balancing` compares it with the ledger; `running` puts them together. That Stripe shows nothing
never ends an attempt.
"""
