"""The commands of releases: their manifests, and whether a copy is complete."""
