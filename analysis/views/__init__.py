"""A sweep for people and programs to look at: tables, pictures, files."""
