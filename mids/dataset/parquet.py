"""Frames of strings as Parquet files, through pyarrow (the extra `parquet`); loaded when it is first needed."""

from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

import pandas as pd

from mids.errors import MidsError

pa: Any = import_module("pyarrow")
pq: Any = import_module("pyarrow.parquet")


def write(path: Path, table: pd.DataFrame, notes: Mapping[str, str]) -> None:
    """Writes a frame, whole at any moment; `notes` become the file's key-value metadata.

    Strings stay strings, integers become int64. Nothing of the machine or the time is written. Raises `MidsError`.
    """
    columns = {str(name): _array(table[name]) for name in table.columns}
    content = pa.table(columns).replace_schema_metadata(dict(notes) or None)
    scratch = path.with_name(f".{path.name}.new")
    try:
        pq.write_table(content, scratch, compression="zstd")
        scratch.replace(path)
    except OSError as error:
        raise MidsError(f"can't write {path} ({error.strerror or type(error).__name__}): give another name") from error


def _array(column: "pd.Series[Any]") -> Any:
    kind = pa.int64() if pd.api.types.is_integer_dtype(column.dtype) else pa.string()
    return pa.array(column, type=kind, from_pandas=True)


def read_notes(path: Path) -> dict[str, str]:
    """The metadata of a Parquet file; `MidsError` where it is none."""
    try:
        found = pq.read_schema(path).metadata or {}
    except (OSError, pa.ArrowInvalid) as error:
        raise MidsError(f"{path} is not a Parquet file: give another name") from error
    return {key.decode(): value.decode() for key, value in found.items()}


def read(path: Path) -> pd.DataFrame:
    """A frame of strings; `MidsError` where it can't be read."""
    try:
        content = pq.read_table(path)
    except (OSError, pa.ArrowInvalid) as error:
        raise MidsError(f"{path} is not a Parquet file: give another name") from error
    found: pd.DataFrame = content.to_pandas(types_mapper={pa.string(): pd.StringDtype()}.get)
    return found
