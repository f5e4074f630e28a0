"""A sweep as people and programs look at it: tables, pictures, files."""
