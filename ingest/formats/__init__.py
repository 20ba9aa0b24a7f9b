"""Payload formats: one adapter a file, each from bytes to items or reasons for refusal."""
