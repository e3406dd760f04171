"""Validation: who runs the checks, decides what counts, and repairs what is safe to repair."""

from mids.validation.outcome import Report
from mids.validation.runner import definitions, validate

__all__ = ["Report", "definitions", "validate"]
