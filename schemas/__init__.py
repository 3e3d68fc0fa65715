"""Data contracts: pandera frames, row classes, pydantic models, and the types of the gateway protocol."""
