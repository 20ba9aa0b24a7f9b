"""The HTTP API: what people and partner systems say and read, live updates, and two plain pages."""
