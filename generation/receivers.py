"""News from the floors below: a message to answer, an article that changed."""
