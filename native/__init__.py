"""Compiled kernels: columns in, columns out. Only geo/kernels.py imports them."""
