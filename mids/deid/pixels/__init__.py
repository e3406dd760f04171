"""What pixel data may hold besides the image."""
