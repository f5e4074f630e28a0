"""Tasks of lm-evaluation-harness, measured with our own engine.

A spec names a task. index.py finds its YAML, in the installed package or in the folder of tasks that
the command line has named (folder.py). declared.py reads from that YAML which metrics the task has,
before anything runs. loaded.py has the harness make the task's requests from its data. engine.py
answers them: log-likelihoods by trainables/scoring, texts by generate.py. estimates.py makes metrics
with standard errors of the results. library.py is the door to the harness's own code, which is
imported only where a task is used.
"""
