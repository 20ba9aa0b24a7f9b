"""The ingest process: facts from devices, folded and committed, then acknowledged."""
