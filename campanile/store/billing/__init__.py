"""Balance readings, credit, alerts, operator settings."""
