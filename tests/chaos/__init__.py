"""Chaos: the real scripts through kills, signals, outages and edits, and a ledger of what must still be there."""
