"""What the headers and tables of a study tell of people, searched in texts, file names, cells and numbers."""
