"""One question to several models at once, side by side."""
