"""A private PostgreSQL with TimescaleDB and a private Mosquitto, on loopback, for one machine."""
