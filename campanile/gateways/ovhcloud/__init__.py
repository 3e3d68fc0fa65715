"""OVHcloud: the adapter and the signature of its requests."""
