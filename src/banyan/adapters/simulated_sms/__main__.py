"""Run the simulated SMS platform as a process of its own."""

import argparse
import sys
from pathlib import Path

from banyan.adapters.simulated_sms.service import Mood, Platform, serve


def main() -> None:
    """Serve until ended."""
    parser = argparse.ArgumentParser(prog="python -m banyan.adapters.simulated_sms", description=__doc__)
    parser.add_argument("--key", type=Path, required=True, help="file with the key, hexadecimal")
    parser.add_argument("--port", type=int, default=8490)
    parser.add_argument("--mood", type=Mood, choices=list(Mood), default=Mood.WELL)
    asked = parser.parse_args()
    platform = Platform(bytes.fromhex(asked.key.read_text().strip()), asked.mood)
    with serve(platform, asked.port) as server:
        sys.stdout.write(f"http://127.0.0.1:{server.server_address[1]}/\n")
        sys.stdout.flush()
        server.serve_forever()


if __name__ == "__main__":
    main()
