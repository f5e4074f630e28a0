"""The command line: `sweep VERB`.

app.py puts the verbs together; each is a function of run.py, control.py, results.py or remote.py.
This is the only folder of `sweep` that imports the analysis.
"""
