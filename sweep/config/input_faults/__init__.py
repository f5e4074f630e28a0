"""What is wrong with the models and data of a sweep, each fault a value: input_fault.py.

model_faults.py looks at models, data_faults.py at rows, reading_faults.py at texts as a model reads
them, and overlap_faults.py at texts that are both trained and measured on. Where in the file of a spec
a fault stands is found by its key and value, in sweep/config/places.py.
"""
