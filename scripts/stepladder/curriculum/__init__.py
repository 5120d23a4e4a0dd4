"""Stage 03: how hard each question is, and the ranks that follow from it."""
