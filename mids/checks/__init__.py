"""The rules of the validator: small functions, each with a stable code."""
