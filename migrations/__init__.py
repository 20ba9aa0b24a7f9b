"""The database's schema: numbered SQL files, each applied once and in order."""
