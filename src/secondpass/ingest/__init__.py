"""Files and folders to records, and an index that follows them."""
