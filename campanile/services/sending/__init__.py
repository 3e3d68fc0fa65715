"""Sending: claim, post, record; pause and resume; unknown messages; results."""
