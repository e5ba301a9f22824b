"""The web app: everything that speaks HTTP or HTML."""
