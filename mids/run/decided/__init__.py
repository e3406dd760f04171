"""What was decided for a dataset and holds in all later runs: choices, who is who, who was withdrawn."""
