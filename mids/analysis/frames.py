"""Issues as a table of pandas, apart from the validator, which does without it."""

from collections.abc import Iterable
from dataclasses import fields

import pandas as pd

from mids.issues import Issue


def issues_frame(issues: Iterable[Issue]) -> pd.DataFrame:
    """One row for each issue of a report, one column of strings for each of its fields, "" where it says nothing.

    >>> issues_frame(mids.validate("dataset")).groupby(["level", "code"]).size()
    """
    columns = [field.name for field in fields(Issue)]
    rows = [[str(getattr(issue, name)) for name in columns] for issue in issues]
    return pd.DataFrame(rows, columns=columns, dtype="string")
