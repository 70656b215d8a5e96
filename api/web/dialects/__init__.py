"""Other systems' APIs over our services: a dialect is `routes.py` (Flask) and `wire.py` (pure translation)."""
