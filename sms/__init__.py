"""The pure core: no clock, no environment, no input or output, no Prefect."""
