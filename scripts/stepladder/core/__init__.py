"""What every stage shares: records, stage files, profiles, command line, progress."""
