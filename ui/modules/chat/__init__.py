"""One conversation: its messages, the running reply, and the composer."""
