"""A certificate of a finished dataset: a second pass over what was written, and digests that a later change voids."""
