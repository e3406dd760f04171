"""Who does the work of a run: processes of this machine, or the workers of a Dask scheduler."""

from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any

from mids.errors import MidsError
from mids.run.pool import Processes, Workers


@contextmanager
def hire_workers(jobs: int, dask: Any, source: Path) -> Iterator[Workers]:
    """`jobs` processes, or with `dask` the workers of the scheduler at this address, who must see `source`.

    Raises `MidsError` where both are asked for, or Dask is not there.
    """
    if not dask:
        yield Processes(jobs)
        return
    if jobs != 1:
        raise MidsError("--jobs uses processes of this machine, --dask those of a cluster: give only one of them")
    try:
        cluster = import_module("mids.run.cluster")  # needs packages of the extra `dask`
    except ModuleNotFoundError as error:
        raise MidsError(f"--dask needs the package {error.name}: pip install 'mids[dask]'") from error
    with cluster.connected(dask, source) as found:
        yield found
