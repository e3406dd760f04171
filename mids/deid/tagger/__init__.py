"""A trained recogniser of what identifies people in texts, beside the rules."""
