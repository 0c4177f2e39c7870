"""Adapters that read where knowledge comes from: one a kind of source."""
