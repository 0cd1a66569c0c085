"""What the shop does in a second, beside what this machine's PostgreSQL could: `make bench`.

Figures of one run only are compared: machines differ, and so does one machine from hour to hour.
"""
