"""Wording and ways to reach people; nothing clinical in any text."""
