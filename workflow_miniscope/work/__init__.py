"""What is to be done and what is done: steps, tasks, parameter sets, manifests, checks, status."""
