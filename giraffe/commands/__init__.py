"""What is typed → what is done: one file for each group of commands; ``add`` makes its parsers."""
