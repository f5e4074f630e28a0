"""What each trial reported as it trained, step by step."""
