"""From a draft to an approved campaign: prepare, revise, approve, recap."""
