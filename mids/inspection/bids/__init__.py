"""A file as BIDS's rules see it, and the rules applied to it."""
