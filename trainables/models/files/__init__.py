"""The files of a model's folder, judged by what is written in them before a library follows it."""
