"""Stage 00: sources read, normalised, compared, given a domain, sampled and split."""
