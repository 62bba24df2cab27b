"""Registration: where the brain, or the parts of it, lay in each frame."""
