"""Exceptions: each is of the kind that Python and NumPy raise for what is wrong, and a `ChunkwiseError`."""

from __future__ import annotations


class ChunkwiseError(Exception):
    """What all exceptions of the library are.

    `kind` is the library's name for what is wrong, `hint` what can be done, or None, `needed` the smallest budget that
    works, in bytes, where one was too small.
    """

    def __init__(self, message: str, kind: str = "Value", hint: str | None = None, needed: int | None = None):
        super().__init__(message)
        self.kind = kind
        self.hint = hint
        self.needed = needed
        if hint is not None:
            self.add_note(f"hint: {hint}")

    def __reduce__(self):
        return type(self), (self.args[0], self.kind, self.hint, self.needed), {"__notes__": list(getattr(self, "__notes__", []))}


class MissingError(ChunkwiseError, FileNotFoundError, KeyError):
    """A file, a group, a dataset or an attribute is not there."""

    __str__ = Exception.__str__


class FileError(ChunkwiseError, OSError):
    """A file cannot be read or written, is damaged, or has changed."""

    __str__ = Exception.__str__


class WrongValue(ChunkwiseError, ValueError):
    """The value of an argument, or a shape, is wrong."""


class WrongType(ChunkwiseError, TypeError):
    """An argument is of a kind, or an array of a dtype, that is not taken."""


class OutOfRange(ChunkwiseError, IndexError, ValueError):
    """An axis or an index is out of range."""


class Overflow(ChunkwiseError, OverflowError):
    """A number does not fit its dtype."""


class OutOfBudget(ChunkwiseError, MemoryError):
    """Something does not fit the budget of memory; `needed` says what would do."""


class NotSupported(ChunkwiseError, NotImplementedError):
    """Something that is valid and is not there, or that the options do not allow."""


class DeviceError(ChunkwiseError, RuntimeError):
    """A device cannot do what was asked."""


class Cancelled(ChunkwiseError, RuntimeError):
    """A run was stopped from elsewhere."""


class InternalError(ChunkwiseError, RuntimeError):
    """A fault of chunkwise itself."""


class EvaluationError(ChunkwiseError, RuntimeError):
    """Something would have been computed in silence, and an option forbids that."""


class ClusterError(ChunkwiseError, RuntimeError):
    """The workers of an executor are gone, or some tasks kill them again and again."""


#: The exceptions, by the library's kinds.
KINDS = {
    "NotFound": MissingError,
    "Io": FileError,
    "Format": FileError,
    "Filter": FileError,
    "Changed": FileError,
    "Type": WrongType,
    "Shape": WrongValue,
    "Value": WrongValue,
    "Expression": WrongValue,
    "Index": OutOfRange,
    "Overflow": Overflow,
    "Budget": OutOfBudget,
    "Unsupported": NotSupported,
    "Device": DeviceError,
    "Cancelled": Cancelled,
    "Internal": InternalError,
}
