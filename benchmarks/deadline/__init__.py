"""Whether a budget holds, on an idle machine and a busy one, and what it costs in quality."""
