"""For administrators: accounts, budgets, settings, everyone's usage, providers, the audit log."""
