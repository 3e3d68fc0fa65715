"""Phone numbers: one number, and whole columns of them."""
