"""What both agents share: opening the deployed model, reading and writing files."""
