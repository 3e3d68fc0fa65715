"""Twilio: the adapter."""
