"""The API of the FastAPI and Streamlit demo: chats by their own ids, and a library of system prompts."""
