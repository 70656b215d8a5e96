"""The Parley server: accounts, encrypted provider keys, chats, limits, and streamed answers that survive."""
