"""The files of a dataset as they lie on disk: which there are, who opens them, what images say of themselves."""
