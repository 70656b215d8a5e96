"""What one used, what it cost, and what is left."""
