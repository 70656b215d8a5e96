"""Text out of files that anybody may have made: what a file is, and what it says. Documents are read in a child."""
