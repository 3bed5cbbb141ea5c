"""What a study refuses as a whole. An error's docstring is its message; values are never in it."""

import inspect


class StudyError(ValueError):
    """The study cannot be run."""

    def __init__(self, **details: object) -> None:
        """Keep the facts in `details`: names of files and columns, line numbers, counts; never values."""
        super().__init__(inspect.cleandoc(type(self).__doc__ or ""))
        self.details = details


class UnreadableFileError(StudyError):
    """This file cannot be opened or read."""


class WrongHeaderError(StudyError):
    """The first line must name the columns of the format, each once."""


class BadRowError(StudyError):
    """A row of the file was refused."""


class NotJsonError(StudyError):
    """This file is not a JSON object."""


class CustomScalesRefusedError(StudyError):
    """A scale of the clinic's own cannot be used as it is described."""


class NoRoomToSortError(StudyError):
    """There is no room left on the disk for sorting the rows by patient."""
