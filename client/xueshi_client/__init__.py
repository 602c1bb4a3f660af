"""The command line, the desktop window and the background agent."""
