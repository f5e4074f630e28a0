"""The command line: `sweep VERB`.

app.py puts the verbs together; each is a function of one of the other files.
This is the only folder of `sweep` that imports the analysis.
"""
