"""Kannel, the SMS gateway that a team runs beside its operator: ``docs/kannel.md``."""
