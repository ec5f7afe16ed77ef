"""`ucid bench batch`: the whole graph, from the log in Delta to a published generation."""
