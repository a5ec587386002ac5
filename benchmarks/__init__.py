"""Measurements that back the claims of the README; run by hand, never by the tests."""
