"""Territories, time zones, policies, quiet hours, departures and expiry."""
