"""The outside: one adapter a provider behind one protocol, a sandbox server, and mail."""
