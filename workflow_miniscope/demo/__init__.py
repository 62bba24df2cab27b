"""A synthetic recording to try the workflow on, and the run that shows all of it.

``make demo`` or ``python -m workflow_miniscope.demo``.
"""
