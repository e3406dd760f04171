"""A MIDS dataset on disk as tables and arrays: read-only, nothing is read before it is asked for.

Every value of every table is a string ("01" stays "01"), as the dtype `string` of pandas; what a table leaves
empty or calls `n/a` is `pandas.NA`, and so is what a name does not say.
"""

from mids.dataset.pixels import Picture, Volume
from mids.dataset.selection import Choice
from mids.dataset.tables import read_table
from mids.dataset.view import DESCRIPTION, Dataset, Ref

__all__ = ["DESCRIPTION", "Choice", "Dataset", "Picture", "Ref", "Volume", "read_table"]
