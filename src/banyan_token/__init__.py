"""The user's side: a soft token with SM2 dual keys, its drawer, and a process that serves it.

Of the platform only the command line may import this package; a token's keys never come near the server's
code.
"""

from banyan_token.client import TokenClient
from banyan_token.device import TokenInfo
from banyan_token.drawer import TokenDrawer
from banyan_token.errors import TokenError
from banyan_token.pins import random_admin_pin, random_pin
from banyan_token.soft_token import ContainerInfo, SoftToken
from banyan_token.unlock import make_response

__all__ = [
    "ContainerInfo",
    "SoftToken",
    "TokenClient",
    "TokenDrawer",
    "TokenError",
    "TokenInfo",
    "make_response",
    "random_admin_pin",
    "random_pin",
]
