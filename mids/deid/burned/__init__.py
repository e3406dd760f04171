"""Text burned into images, and faces that they show: evidence in headers, regions of devices, text in pixels."""
