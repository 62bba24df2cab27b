"""What is computed from results: matching of two results, prediction of activity from the face, the eye."""
