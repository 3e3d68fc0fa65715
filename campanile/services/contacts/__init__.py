"""Contact files, lists and opt-outs by hand."""
