"""What every program of the studio shares: settings, database, storage, the domain and the box itself."""
