"""De-identification: keyed pseudonyms, date shifts, what may leave a header."""
