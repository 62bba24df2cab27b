"""What is stored: the recording as it is read, pixels that do not see, and the registered movie on disk."""
