"""The sending protocol: leases, claims, outcomes, events, rate limit."""
