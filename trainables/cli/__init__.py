"""The command line for one model: a file for each verb, and the output that they share."""
