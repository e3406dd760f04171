"""The vocabulary of `schemas/` as Python objects, and the grammar of file names that is built on it."""
