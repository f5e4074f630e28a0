"""The model that is trained, and its frozen base.

A name is a folder (pretrained.py), and a folder a LanguageModel (loading.py, language_model.py). It
answers batches of queries: alone (forward.py), or for all terms of a loss at once (joint_forward.py).
What the base answers is kept (base_cache.py). What is measured may lie between the two (fusion.py).
"""
