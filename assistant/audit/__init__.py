"""The audit log: append-only, gapless, provable. `record()` is the one way in."""
