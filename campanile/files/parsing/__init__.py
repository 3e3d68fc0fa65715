"""Contact files to rows: each row valid, or rejected with one reason."""
