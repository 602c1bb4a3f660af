"""The client of Xueshi: command line, desktop window and local services around one node."""
