"""The synchronisation core: signed feeds, merge and exchange."""
