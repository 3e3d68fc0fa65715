"""The flows: when and in what order tasks run. One file per flow, short enough for one screen."""
