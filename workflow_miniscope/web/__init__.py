"""Pages in the browser, served from this machine to its own user. Their files are in ``static``."""
