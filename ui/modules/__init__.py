"""The page's modules: each has a `view` that draws and `actions` that call the API."""
