"""The SQL of the pages: reads of the node's view, newest first, paged by key."""
