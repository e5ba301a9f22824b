"""The studio for programs: the JSON API, and the two that programs know from elsewhere."""
