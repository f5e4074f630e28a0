"""Tests of the readers of files, one file a format."""
