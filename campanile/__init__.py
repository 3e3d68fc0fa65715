"""SMS campaigns without Prefect: domain rules, files, gateways, the store, use cases, pages."""
