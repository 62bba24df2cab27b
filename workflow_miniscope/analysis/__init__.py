"""Tables downstream of the Elements."""
