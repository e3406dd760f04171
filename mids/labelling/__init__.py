"""Labels of radiological reports, by rules."""
