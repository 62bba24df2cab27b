"""Cells: where they may be, how large they are, which components are one, two or none."""
