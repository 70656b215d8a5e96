"""The own account: profile, preferences, password, sessions, API keys."""
