"""Channel adapters: how an approved reply leaves."""
