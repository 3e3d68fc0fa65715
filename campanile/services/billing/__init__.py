"""Balance, top-ups and alerts to the team."""
