"""Free text: what in a report names a person, a place or a day, and what stands in its place."""
