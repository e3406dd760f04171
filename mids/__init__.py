"""MIDS datasets: convert medical imaging collections into them, validate and load them."""
