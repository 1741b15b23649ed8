"""A window program for the agent that asks elsewhere: passes Assuan lines between its own ends and a socket.

usage: python -m banyan_token.agent.pinentry SOCKET. Keeps nothing and shows nothing.
"""

import os
import select
import socket
import sys

_PIECE = 8192


def main(path: str) -> None:
    """Copy until one side is done."""
    with socket.socket(socket.AF_UNIX) as window:
        window.connect(path)
        other = {0: window.fileno(), window.fileno(): 1}
        while True:
            ready, _, _ = select.select(list(other), [], [])
            for end in ready:
                data = os.read(end, _PIECE)
                if not data:
                    return
                while data:
                    data = data[os.write(other[end], data) :]


if __name__ == "__main__":
    main(sys.argv[1])
