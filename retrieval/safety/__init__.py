"""Reading untrusted text as a machine would: planted instructions in tickets and articles."""
