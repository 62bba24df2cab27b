"""What a person does to a result afterwards: its recording is moved as it says, and components are fitted anew."""
