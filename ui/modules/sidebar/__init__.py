"""The list of chats, their menus, and the account."""
