"""Stage 02: the teacher writes reasoning, and nothing is called verified that was not checked."""
