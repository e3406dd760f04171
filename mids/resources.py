"""Where the files that ship with the package are found."""

from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

import yaml

_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@cache
def schemas() -> Path:
    """The `schemas` folder: inside an installed wheel, else beside the package in a checkout."""
    package = Path(str(files("mids")))
    inside = package / "schemas"
    return inside if inside.is_dir() else package.parent / "schemas"


def layout_names() -> tuple[str, ...]:
    """The layouts that a dataset can be written in: ours, and those of `schemas/layouts` by name."""
    return ("mids", *sorted(path.stem for path in (schemas() / "layouts").glob("*.yaml")))


def read_yaml(path: Path) -> Any:
    """The content of one YAML file (safe loader, libyaml where it is built in)."""
    with path.open("rb") as stream:
        return yaml.load(stream, Loader=_Loader)
