"""BIDS as bidsschematools describes it: its words, its rules, and the language of their expressions."""
