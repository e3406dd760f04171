"""Commands about models: they train, label and evaluate."""
