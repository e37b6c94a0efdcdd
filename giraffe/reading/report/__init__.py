"""A model on one page: `gather` reads and scores, `figures` draws, `page` writes it as HTML."""
