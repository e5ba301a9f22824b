"""The appliance itself: which programs run, first start, Postgres, object store, health and the admin command line."""
