"""The probe texts: short and long, empty and odd, two of equal length."""

from __future__ import annotations

QUERY = "how do I read a csv file"
OTHER_QUERIES = ("wait for a lock", "the capital of France")

TEXTS = (
    "csv.reader returns an object that reads the rows of a file one by one.",
    "Paris is the capital of France and its largest city.",
    "Paris is the largest city of France and its capital.",
    "threading.Lock.acquire waits until the lock is free.",
    "",
    "   \n\t ",
    "csv",
    "Ünïcode, naïve café ☃ 读取文件 שלום 🙂",
    "a" * 300,
    "Open the file, make a reader, and go through its rows. " * 6,
    "The date and the time zone are parsed from a string of digits and letters. " * 40,
)
