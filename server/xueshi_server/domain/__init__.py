"""Rules of training hours as pure functions: rows in, rows out; dates and "now" are arguments."""
