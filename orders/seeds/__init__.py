"""The demo shop: what it sells, what that costs, what lies in stock."""
