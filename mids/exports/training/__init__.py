"""Datasets in the layouts that programs for training read from disk."""
