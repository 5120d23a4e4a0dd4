"""Stage 03: how hard each question is, and the order that follows from it."""
