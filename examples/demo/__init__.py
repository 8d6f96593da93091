"""The demo's input: one seeded day of a small shop, written by `generate.py`."""
