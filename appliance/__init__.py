"""What every program of the studio shares: settings, database, storage, the domain and the box itself."""

__version__ = "0.1.0"
