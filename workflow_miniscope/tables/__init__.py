"""Our own tables beside those of the Elements, one module for each subject."""
