"""The sister releases of RICORD: midrc-ricord-1a (CT, positive), -1b (CT, negative), -1c (radiographs, positive)."""
