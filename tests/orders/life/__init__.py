"""Whole lives of orders, tried at random: customers, staff, warehouses, banks, and time.

The services are the production's own, on PostgreSQL; only Stripe, the warehouses and the clock are
ours. Every example is rolled back, so that the next one begins in the same shop.
"""
