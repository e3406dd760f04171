"""The plan: what a run will make of the records, decided without touching a disk."""

from mids.plan.build import build
from mids.plan.compare import Comparison, Known, compare
from mids.plan.image import Context, Options
from mids.plan.job import Job, Outcome, Plan, Subject

__all__ = ["Comparison", "Context", "Job", "Known", "Options", "Outcome", "Plan", "Subject", "build", "compare"]
