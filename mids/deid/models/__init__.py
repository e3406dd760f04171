"""Models of other packages as recognisers; each module is imported only when it is asked for."""
