"""The embedded servers' one kind of error."""


class StackError(Exception):
    """An embedded server cannot be had or run; the message says what to do."""
