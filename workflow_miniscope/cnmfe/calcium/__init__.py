"""Calcium: traces, deconvolution, and where the frames lie in time."""
