"""Predictions with 80 % intervals: what a campaign brings, and how a balance falls."""
