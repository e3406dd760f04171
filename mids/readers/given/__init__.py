"""Files that the user of a command hands over: descriptions, corrections, tables to embed."""
