"""What a dataset was made of: the journal beside it."""

from mids.run.journal.database import IN_MEMORY
from mids.run.journal.journal import Journal, state_folder

__all__ = ["IN_MEMORY", "Journal", "state_folder"]
