"""How good arrival estimates are, on recorded drives with known arrivals."""
