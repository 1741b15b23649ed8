"""Answers to the unblock requests of tokens, by the maker of the token's way. A new way is one line here.

The answer is made on the platform, with a secret that it holds; the token's own package knows how.
"""

from typing import Final

from banyan.domain.lifecycle.ports import UnlockResponder
from banyan_token.unlock import make_response

RESPONDER: Final[UnlockResponder] = make_response
