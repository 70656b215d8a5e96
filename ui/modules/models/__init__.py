"""The models a person may use, and the keys they brought."""
