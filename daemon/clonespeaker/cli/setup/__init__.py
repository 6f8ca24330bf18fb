"""`setup`: a device set up at a terminal, step by step. `guide.py` has the order of the steps, the others one each."""
