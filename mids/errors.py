"""The exceptions of the project.

Three outcomes are never mixed:

* the data is wrong: `DataError`, raised where it is found, turned into an `Issue` where work is isolated;
* use or environment is wrong: `MidsError`, one clear line and exit code 2;
* we are wrong: any other exception, a traceback and exit code 3.
"""

import os
import sys
from collections.abc import Collection, Iterable
from difflib import get_close_matches


class MidsError(Exception):
    """Use or environment is wrong: the message is one line that says what to do."""


class UnknownValueError(MidsError):
    """A value that neither the vocabulary nor the dataset has; the message names the nearest."""


class DataError(Exception):
    """One piece of data is wrong; the rest goes on.

    `code` names an entry of `schemas/issues.yaml`; `message` holds no identifier of a patient.
    """

    def __init__(self, code: str, message: str) -> None:
        super().__init__(code, message)
        self.code = code
        self.message = message

    def __str__(self) -> str:
        return self.message


def nearest(word: str, choices: Iterable[str], most: int = 2) -> str:
    """A question that names the choices nearest to a word, whatever its case; empty where none is near."""
    folded = {choice.casefold(): choice for choice in choices}
    near = [folded[match] for match in get_close_matches(word.casefold(), folded, most)]
    return f"did you mean {' or '.join(near)}?" if near else ""


def advise(word: str, choices: Collection[str], most: int = 2) -> str:
    """`nearest`, or where nothing is near the first of the choices."""
    shown = [*list(choices)[:12], *(["…"] if len(choices) > 12 else [])]
    return nearest(word, choices, most) or f"choose from {', '.join(shown)}"


# --- standard output, whose reader may go away and whose disk may be full ---------------------------------


def put(text: str) -> None:
    """Writes to standard output; what its encoding lacks is escaped. A reader that went away gets nothing more.

    Raises `MidsError` where the output can't be written for another reason, such as a full disk.
    """
    encoding = sys.stdout.encoding or "utf-8"
    try:
        sys.stdout.write(text.encode(encoding, "backslashreplace").decode(encoding))
    except BrokenPipeError:
        forget_output()
    except OSError as error:
        forget_output()
        raise MidsError(f"can't write to standard output ({error.strerror})") from error


def forget_output() -> None:
    """Sends what is still to be written to standard output nowhere, so that the exit code is that of the work."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)
