"""The API of llm-backend-api: accounts, numbered conversations, streamed replies."""
