"""What a table or a parameter looks like: pandera models, pydantic models, and the words floors share."""
