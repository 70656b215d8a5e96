"""Chat completions in OpenAI's form, for every surface that takes them."""
