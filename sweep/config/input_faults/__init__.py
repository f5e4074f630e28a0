"""What is wrong with the models and data of a sweep: a sentence for each fault, after its key.

model_faults.py looks at models, data_faults.py at rows, reading_faults.py at texts as a model reads
them, and overlap_faults.py at texts that are both trained and measured on.
"""
