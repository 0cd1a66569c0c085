"""Goods that come back: asked for, approved, received, inspected, paid back."""
