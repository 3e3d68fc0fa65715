"""Pages for people: views of the store to Markdown."""
