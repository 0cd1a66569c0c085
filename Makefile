# GlobalMart OMS. `make help` lists what there is.
.DEFAULT_GOAL := help
python := .venv/bin/python
export PYTHON

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: ## set up everything, start the shop with all its parts, buy one thing, say where to look
	@bin/bootstrap demo
	@exec $(python) -m globalmart.sandbox demo

smoke: ## the same unattended on throw-away data: buy through API and pages, stop, tell by exit code
	@bin/bootstrap demo
	@exec $(python) -m globalmart.sandbox smoke

test: ## all tests, on embedded servers or on DATABASE_URL and REDIS_URL (ARGS="-k name" narrows)
	@bin/bootstrap dev
	@exec $(python) -m globalmart.sandbox servers -- $(python) -m pytest --numprocesses=2 --dist=loadgroup $(ARGS)

test-stripe: ## some journeys at real Stripe: STRIPE_TEST_KEY=sk_test_... make test-stripe
	@bin/bootstrap dev
	@exec $(python) -m globalmart.sandbox servers -- $(python) -m pytest tests/real_stripe -k "not sandbox" -v $(ARGS)

proof-recovery: ## the full sizes: 50 submits at once, 200 orders under FLUSHALL and kill -9, ...
	@bin/bootstrap dev
	@exec $(python) -m globalmart.sandbox exec -- $(python) -m tests.proofs recovery

proof-money: ## money under fire: a thousand orders with ambiguous Stripe calls, refund storm, state machines, localstripe
	@bin/bootstrap dev
	@exec $(python) -m globalmart.sandbox exec -- $(python) -m tests.proofs money

proof-warehouse: ## a warehouse that lies, forgets and is away: a thousand orders, stock under fire, cancelling against shipping
	@bin/bootstrap dev
	@exec $(python) -m globalmart.sandbox exec -- $(python) -m tests.proofs warehouse

proof-orders: ## whole lives of orders at random, prices, vouchers, search among a million; with SAMPLE=FILE also the real data
	@bin/bootstrap dev
	@$(python) -m globalmart.sandbox exec -- $(python) -m tests.proofs orders
	@if [ -n "$(SAMPLE)" ]; then exec $(MAKE) proof-import SAMPLE="$(SAMPLE)"; \
	else echo "Not shown: the real data with its C-invoices. make proof-import SAMPLE=FILE shows it."; fi

crashpoints: ## crash the shop at every crash point (SEED=1 repeats a run, CELLS="CP7:kill:applied CP21" picks)
	@bin/bootstrap dev
	@SEED="$(SEED)" CELLS="$(CELLS)" exec $(python) -m globalmart.sandbox exec --failpoints -- $(python) -m tests.crashpoints

proof-import: ## the real data of SAMPLE=FILE, imported and run to the end (a quarter of an hour and more)
	@bin/bootstrap dev
	@GM_SAMPLE="$(SAMPLE)" exec $(python) -m globalmart.sandbox exec -- $(python) -m tests.proofs import

bench: ## what the shop does in a second, beside what PostgreSQL alone could (WORKLOADS="intake hot" ROUNDS=3 SECONDS=5 MINUTES=1 SEEDED="20000" SAMPLE=FILE)
	@bin/bootstrap dev
	@exec $(python) -m tests.bench $(WORKLOADS) --rounds $(or $(ROUNDS),3) --seconds $(or $(SECONDS),5) --minutes $(or $(MINUTES),1) \
		$(if $(SEEDED),--seeded $(SEEDED)) $(if $(SAMPLE),--sample "$(SAMPLE)")

lint: ## format, rules, types, import contracts, migrations, deployment checks
	@bin/bootstrap dev
	@bin/lint

screenshots: ## take the pictures of the README anew; needs Chromium on PATH
	@bin/bootstrap dev
	@exec $(python) -m globalmart.sandbox exec -- $(python) -m tests.browser.screenshots

lock: ## compile requirements*.txt anew from requirements*.in
	@bin/bootstrap dev
	@bin/lock

clean: ## forget everything: data, secrets, virtual environment
	@bin/clean

.PHONY: help demo smoke bench test test-stripe proof-recovery proof-money proof-warehouse proof-orders crashpoints proof-import lint screenshots lock clean
