"""Benchmarks: each module is run by `zaitu bench NAME` and prints JSON."""
