"""What pixel data may hold besides the picture."""
