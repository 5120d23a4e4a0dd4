"""Stage 01: where weights come from, which of them fit, and getting them whole."""
