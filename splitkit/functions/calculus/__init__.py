"""What is made of other functions."""
