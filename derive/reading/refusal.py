"""What code asks for that symbols have not."""


class NotRun(TypeError):
    """The code asks for a plain float or int, or for something else that a symbol is not."""
