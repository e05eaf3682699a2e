"""Every exception that Pyrite raises on purpose, and how the command line answers each.

    PyriteError
    |-- InputError (ValueError)       bad argument, file or row            exit 2
    |   `-- ShapeError                an array of the wrong shape          exit 2
    |-- UnknownName (KeyError)        no registered part of that name      exit 2
    |-- NotFitted                     a reward model without weights       exit 1
    |-- MissingExtra (ImportError)    an optional package is absent        exit 1
    |-- CheckpointError               files on disk are not what they say  exit 1
    `-- ServiceError                  a remote judge or server failed      exit 1

Each message is one sentence or two: what is wrong, what was given, what was expected, what to do. Read next: `registry.py`.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class PyriteError(Exception):
    """Base of every error that Pyrite raises on purpose."""

    exit_code = 1


class InputError(PyriteError, ValueError):
    """An argument, a file or a row is not what the call needs."""

    exit_code = 2


class ShapeError(InputError):
    """An array has the wrong shape."""


class UnknownName(PyriteError, KeyError):
    """No registered part has the given name."""

    exit_code = 2

    def __str__(self) -> str:
        """The sentence itself (KeyError would print its repr)."""
        return str(self.args[0]) if self.args else ""


class NotFitted(PyriteError):
    """A reward model was asked to score before it had weights."""


class MissingExtra(PyriteError, ImportError):
    """An optional package is not installed."""


class CheckpointError(PyriteError):
    """Files on disk are missing, broken or contradict each other."""


class ServiceError(PyriteError):
    """A remote judge or reward server failed after its retries."""


def close_names(name: str, known: Iterable[str], most: int = 3) -> str:
    """A hint such as " Close: 'skywork'." for a misspelt name, or the empty string."""
    close = difflib.get_close_matches(name, list(known), n=most, cutoff=0.5)
    return f" Close: {', '.join(repr(c) for c in close)}." if close else ""


def missing_extra(what: str, package: str, extra: str | None = None) -> MissingExtra:
    """The error to raise where `what` needs `package`, which a Pyrite extra or pip brings.

    Args:
        what: The part that was asked for, as the user knows it.
        package: The distribution that is absent.
        extra: The Pyrite extra that installs it; without one the package itself is named.
    """
    target = f'"pyrite[{extra}]"' if extra else package
    return MissingExtra(f"{what} needs {package}, which is not installed. Run: pip install {target}.")
