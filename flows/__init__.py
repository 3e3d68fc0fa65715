"""When and in what order: one file a flow, each read in one screen."""
