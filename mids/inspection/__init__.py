"""What a check looks at: the files of a dataset, read when they are asked for and once; and what a check is."""
