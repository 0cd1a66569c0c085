"""State machines of the money core: the production's decisions against a Stripe that keeps
Stripe's rules, while anything may happen in between."""
