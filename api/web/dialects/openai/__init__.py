"""OpenAI's API, which every other tool speaks."""
