"""Looking at what stages wrote: overview, single records, filters, differences, the summary of a run."""
