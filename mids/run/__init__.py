"""Carries a plan out: the only package that writes inside a dataset."""

from mids.run.journal import Journal, state_folder
from mids.run.run import run

__all__ = ["Journal", "run", "state_folder"]
