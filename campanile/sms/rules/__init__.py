"""Exclusions, sender ids, tariffs, automatic answers, reply keywords, approval codes."""
