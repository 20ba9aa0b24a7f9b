"""Facts and rules of tracking, as pure values: standard library only, no clock, no I/O."""
