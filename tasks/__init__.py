"""Thin skins over the floors below: settings, the clock, what to log and publish, how often to retry."""
