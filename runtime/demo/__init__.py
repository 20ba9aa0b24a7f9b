"""`zaitu demo`: the whole system on one machine, with a simulated fleet, seen live in the terminal."""

from runtime.demo.run import main

__all__ = ["main"]
