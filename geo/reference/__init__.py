"""The kernels in plain Python: what the native ones must agree with, and readable instead of fast."""
