"""Texts of messages: encoding, segments, templates, the linter, masking."""
