"""Replies, delivery reports, the auto-responder."""
