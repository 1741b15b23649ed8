"""The user's side: tokens behind GM/T 0016 (SKF), the drawer of soft tokens, and programs that speak to the token agent.

Of the platform only the command line may import this package; a token's keys never come near the server's
code.
"""

from banyan_token.drawer import TokenDrawer
from banyan_token.errors import TokenError
from banyan_token.skf.token import ContainerInfo, Token, TokenInfo
from banyan_token.unlock import make_response

__all__ = [
    "ContainerInfo",
    "Token",
    "TokenDrawer",
    "TokenError",
    "TokenInfo",
    "make_response",
]
