"""The model that is trained, and its frozen base.

pretrained.py finds the folder of a model by its name, folder.py reads it, architecture.py says what it
is made of, and loading.py keeps the LanguageModel (language_model.py) from one trial to the next. A
model predicts the targets of a batch of queries (batch.py, forward.py), or of all terms of a loss in
one forward (joint_forward.py). base_cache.py stores hidden states of the base, and fusion.py sets
weights between base and trained model. miniature.py pretrains the tiny models that need no download.
"""
