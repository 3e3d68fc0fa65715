"""One person in all tables: what is stored about a number, and its erasure."""
