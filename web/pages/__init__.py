"""The pages, one controller per group."""
