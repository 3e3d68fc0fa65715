"""Callbacks: requests by which gateways report deliveries, replies and opt-outs, received by one process."""
