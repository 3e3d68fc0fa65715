"""Campaigns, their messages and recaps, approval, pause."""
