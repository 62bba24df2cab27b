"""The model: background, footprints and traces, fitted in turns."""
