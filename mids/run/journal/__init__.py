"""What a dataset was made of: the journal beside it."""

from mids.run.journal.database import IN_MEMORY, DamagedJournalError, begin_anew
from mids.run.journal.journal import TOLD, Journal, state_folder

__all__ = ["IN_MEMORY", "TOLD", "DamagedJournalError", "Journal", "begin_anew", "state_folder"]
