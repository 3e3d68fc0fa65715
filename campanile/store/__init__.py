"""The DuckDB file and the only SQL that touches it."""
