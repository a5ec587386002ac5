"""A server under load on this machine: tokens a second, times, memory, and other servers."""
