"""Who uses this browser: the form, the cookie, and the process-wide store of token pairs."""
