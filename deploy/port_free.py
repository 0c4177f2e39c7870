"""Exit with one clear line when the port is in use: port_free.py PORT."""

import socket
import sys

port = int(sys.argv[1])
with socket.socket() as probe:
    probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        probe.bind(("127.0.0.1", port))
    except OSError:
        sys.exit(
            f"Port {port} is in use: stop what listens there, or choose another with PORT={port + 1}."
        )
