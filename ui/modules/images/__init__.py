"""Images that models make: asked for, looked at, kept or deleted."""
