"""Real clients of the formats that the server speaks, one file each, run in the client's own venv.

A file gets one argument, JSON with url, key, model, query and documents, and prints a line of JSON
for each way it asked: its name, and the order that it got with the scores.
"""
