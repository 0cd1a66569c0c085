"""A server that plays Stripe on the wire, for as much of Stripe as the shop uses."""
