"""The truth table, one module a family of objectives. `lastgood.verdict.judge` is the only way in."""
