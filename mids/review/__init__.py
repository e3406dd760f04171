"""Review: what in a dataset needs a decision, what people decided, and a local page where they decide.

What is decided becomes a table of corrections beside the dataset, which ``mids convert --again`` applies.
"""
