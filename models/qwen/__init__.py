"""Qwen instruct models as the songwriter: one answer a song, held to a JSON schema while it is written."""
