"""Use cases, callable from Python without Prefect."""
