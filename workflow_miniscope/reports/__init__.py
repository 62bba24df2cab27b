"""Figures and comparisons of what is in the database."""
