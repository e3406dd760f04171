"""From headers to volumes: what belongs together, what repeats, what it is, and where sources contradict themselves."""
