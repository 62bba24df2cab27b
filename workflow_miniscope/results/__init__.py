"""Files of results, read and written without the programs that made them."""
