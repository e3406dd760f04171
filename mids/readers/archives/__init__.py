"""Plain files, and the members of archives, opened alike."""
