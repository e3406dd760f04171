"""Renders plans and issues."""
