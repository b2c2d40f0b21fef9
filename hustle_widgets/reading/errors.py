"""What is raised when a visit's files cannot be used."""


class VisitError(ValueError):
    """A visit's folder or one of its files cannot be used; the message says which and what to do."""


class VisitNotFoundError(VisitError, FileNotFoundError):
    """There is no such folder."""
