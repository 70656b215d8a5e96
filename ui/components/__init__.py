"""Small parts that more than one module draws."""
