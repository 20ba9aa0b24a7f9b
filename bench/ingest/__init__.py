"""`zaitu bench ingest`: the whole path from broker to acknowledgement, beside its parts alone."""
