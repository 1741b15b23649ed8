"""What the businesses themselves store: the permission to unlock one token once."""

from django.db import models

from banyan.domain.audit.models import GuardedModel


class UnlockGrant(GuardedModel):
    """An approved unlock request's right to one answer to one challenge of one token.

    ``challenge_digest`` is SM3 of the challenge answered; the answer itself is not stored.
    """

    request_id = models.BigIntegerField(unique=True)
    approval_id = models.BigIntegerField()
    token_id = models.BigIntegerField()
    token_serial = models.CharField(max_length=64)
    granted_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True, blank=True)
    challenge_digest = models.CharField(max_length=64, blank=True)

    GUARDED_FIELDS = (
        "request_id",
        "approval_id",
        "token_id",
        "token_serial",
        "expires_at",
        "used_at",
        "challenge_digest",
    )

    def __str__(self) -> str:
        return f"{self.request_id}:{self.token_serial}"
