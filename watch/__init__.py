"""The watch process: what must happen because time passes, not because a message came."""
