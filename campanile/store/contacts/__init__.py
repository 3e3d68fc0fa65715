"""Lists, imports, contacts, opt-outs."""
