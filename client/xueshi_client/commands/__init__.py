"""The commands of the console script, one module a topic."""
