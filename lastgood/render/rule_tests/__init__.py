"""Scenarios for the compiled rules, by topic. `compile.py` makes one promtool file of each alert's scenarios."""
