"""Processes that play the vendors on the wire, and the stack that runs them with the shop.

Nothing here imports an app, and no app imports this package.
"""
