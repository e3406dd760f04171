"""How well people in a dataset can be told apart, joined to other data, and what could be learned of them."""
