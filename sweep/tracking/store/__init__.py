"""The tracking store: which addresses can be used, whether a server does what MLflow's does, and what
errors mean.
"""
