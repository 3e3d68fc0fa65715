"""What a reply means: rules that decide, and a linear model for sentences that no rule decides."""
