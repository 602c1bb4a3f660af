"""Files by content: cut into chunks, moved chunk by chunk, kept once (PROTOCOL 16)."""
