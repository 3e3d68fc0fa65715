"""Contact files and exports: the drop folder, reading what partners send, rejects they can fix."""
