"""Arrays: compiled inner loops, spatial filters, memory given back."""
