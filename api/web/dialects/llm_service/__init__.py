"""The API of the LLM service: one configuration and one conversation a provider."""
