"""One file for each way to make an output."""
