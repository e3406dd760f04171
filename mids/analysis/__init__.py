"""Counts over one dataset, many datasets as one, and found labels against true ones."""
