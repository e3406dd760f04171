"""Removes faces from CT and MR of the head: a head of our own is registered to the volume, and its face cut off."""
