"""The collections of BIMCV (Medical Imaging Databank of the Valencia Region), and what their readers share."""

COLLECTIONS = ("padchest",)
"""Collections of the family whose names do not begin with its name."""
