"""The prompt library: instructions for models, with versions. A role is a prompt."""
