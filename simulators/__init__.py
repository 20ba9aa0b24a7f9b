"""Vehicles, scanners and recorded traces that speak docs/wire-format.md; imports nothing else of Zaitu's."""
