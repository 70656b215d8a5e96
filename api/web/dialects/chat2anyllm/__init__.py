"""The API of Chat2AnyLLM: sessions, roles, models, streamed replies."""
