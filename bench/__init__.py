"""What Parley costs: CPU, waiting time and memory, beside a plain reference line measured in the same run."""
