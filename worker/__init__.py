"""The worker: carries a song from queued to ready."""
