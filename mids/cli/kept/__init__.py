"""Commands about what lies beside datasets: keys, and the state that remembers patients."""
