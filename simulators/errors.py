"""What can go wrong in a simulator, said so that a person knows what to do."""


class SimulatorError(Exception):
    """A run that cannot begin or go on; the message says what to do."""


class AlreadyRegisteredError(SimulatorError):
    """The API knows a thing of this name already."""
