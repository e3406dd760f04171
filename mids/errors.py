"""The exceptions of the project.

Three outcomes are never mixed:

* the data is wrong: `DataError`, raised where it is found, turned into an `Issue` where work is isolated;
* use or environment is wrong: `MidsError`, one clear line and exit code 2;
* we are wrong: any other exception, a traceback and exit code 3.
"""


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
