"""Small models that a user trains from a table: their files, their features, and what they tell."""
