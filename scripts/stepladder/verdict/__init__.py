"""Stage 05: contestants on the held-out questions, statistics one can believe, latency, and the report of the run."""
