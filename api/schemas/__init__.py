"""What requests and responses of the HTTP API look like."""
