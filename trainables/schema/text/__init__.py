"""Text that came from elsewhere, as it may be shown and kept: no secrets, visible, short, escaped."""
