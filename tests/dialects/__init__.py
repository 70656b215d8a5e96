"""Other systems' APIs, asked as their clients ask."""
