"""Read files of rows of every kind, one file a format; what cannot be read right is refused."""
