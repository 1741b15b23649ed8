"""Staff: accounts, credentials, links, sessions, roles, requests that need two people, and what the installation is.

All of them are guarded rows: a hash, a role or a session written by hand in the database carries no valid
MAC.
"""

from datetime import datetime
from typing import Any

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from banyan.domain.audit.models import GuardedModel
from banyan.domain.iam import rules


class StaffAccount(GuardedModel):
    """A person of the staff."""

    GUARDED_FIELDS = ("username", "display_name", "is_active", "created_at")

    id = models.BigAutoField(primary_key=True)
    username = models.CharField(max_length=32, unique=True)
    display_name = models.CharField(max_length=64)
    is_active = models.BooleanField(default=True)
    created_at = models.DateTimeField()

    class Meta:
        db_table = "iam_staffaccount"

    def __str__(self) -> str:
        return self.username


class LoginSource(models.Model):
    """Failures of one user name from one source. Both are keyed digests, and names that nobody has are counted alike.

    Not guarded: an edit here gives more guesses, never a session.
    """

    id = models.BigAutoField(primary_key=True)
    name = models.CharField(max_length=32)
    source = models.CharField(max_length=32, help_text="terminal, strangers (all together), or a digest")
    is_device = models.BooleanField(default=False, help_text="a browser this person logged in with before")
    streak = models.IntegerField(default=0, help_text="failures since the last success")
    count = models.IntegerField(default=0, help_text="failures since counted_from")
    counted_from = models.DateTimeField()
    blocked_until = models.DateTimeField(null=True)
    kept_until = models.DateTimeField(db_index=True)

    class Meta:
        db_table = "iam_loginsource"
        constraints = [models.UniqueConstraint(fields=["name", "source"], name="iam_loginsource_once")]

    def __str__(self) -> str:
        return f"{self.name}:{self.source}"

    def fail(self, now: datetime, *, is_shared: bool) -> None:
        """Count a failure. Strangers together wait for the day's end only; each source also waits longer and longer."""
        if now - self.counted_from >= rules.COUNTED_FOR:
            self.count, self.counted_from = 0, now
        self.streak += 1
        self.count += 1
        self.blocked_until = rules.blocked_until(
            streak=0 if is_shared else self.streak, count=self.count, counted_from=self.counted_from, now=now
        )
        if not self.is_device:
            self.kept_until = max(self.counted_from + rules.COUNTED_FOR, self.blocked_until or now)


class Credential(GuardedModel):
    """Something a person logs in with; replaced ones stay, passwords so as to refuse their return.

    ``secret_hash`` of a ``password`` is its argon2id hash, of a ``certificate`` what the holder is recognised by
    (``binding.recognised_by``): a keyed digest of the identity that the certificate states, or the certificate's SM3;
    of a ``totp`` the sealed secret of the authenticator (``codes``).
    """

    GUARDED_FIELDS = ("account_id", "kind", "secret_hash", "created_at", "replaced_at")

    id = models.BigAutoField(primary_key=True)
    account = models.ForeignKey(StaffAccount, on_delete=models.PROTECT, related_name="credentials")
    kind = models.CharField(max_length=16, default="password")
    secret_hash = models.CharField(max_length=255)
    created_at = models.DateTimeField()
    replaced_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "iam_credential"
        constraints = [
            models.UniqueConstraint(
                fields=["account", "kind"],
                condition=Q(replaced_at__isnull=True),
                name="iam_credential_current",
            ),
            models.UniqueConstraint(
                fields=["secret_hash"],
                condition=Q(kind="certificate", replaced_at__isnull=True),
                name="iam_credential_one_holder",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind}:{self.pk}"


class LoginLink(GuardedModel):
    """A first log-in link: single use, 24 hours; only the SM3 digest of its secret is kept."""

    GUARDED_FIELDS = ("account_id", "token_hash", "created_at", "expires_at", "used_at")

    id = models.BigAutoField(primary_key=True)
    account = models.ForeignKey(StaffAccount, on_delete=models.PROTECT, related_name="links")
    token_hash = models.CharField(max_length=64, unique=True)
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "iam_loginlink"

    def __str__(self) -> str:
        return f"link:{self.pk}"


class Session(GuardedModel):
    """A log-in that lasts; only the SM3 digest of its token is kept. ``last_seen_at`` is outside the guarded
    fields.
    """

    GUARDED_FIELDS = (
        "token_hash",
        "account_id",
        "credential_id",
        "channel",
        "created_at",
        "expires_at",
        "ended_at",
    )

    id = models.BigAutoField(primary_key=True)
    token_hash = models.CharField(max_length=64, unique=True)
    account = models.ForeignKey(StaffAccount, on_delete=models.PROTECT, related_name="sessions")
    credential = models.ForeignKey(Credential, on_delete=models.PROTECT, related_name="sessions")
    channel = models.CharField(max_length=16)
    created_at = models.DateTimeField()
    last_seen_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "iam_session"

    def __str__(self) -> str:
        return f"session:{self.pk}"


class RoleGrant(GuardedModel):
    """A role held by an account, in some regions (None: the whole province)."""

    GUARDED_FIELDS = (
        "account_id",
        "role",
        "regions",
        "granted_at",
        "granted_by_id",
        "confirmed_by_id",
        "ended_at",
    )

    id = models.BigAutoField(primary_key=True)
    account = models.ForeignKey(StaffAccount, on_delete=models.PROTECT, related_name="grants")
    role = models.CharField(max_length=32)
    regions: "models.JSONField[Any, Any]" = models.JSONField(null=True, help_text="GB/T 2260 codes; null: province")
    granted_at = models.DateTimeField()
    granted_by = models.ForeignKey(StaffAccount, on_delete=models.PROTECT, null=True, related_name="+")
    confirmed_by = models.ForeignKey(StaffAccount, on_delete=models.PROTECT, null=True, related_name="+")
    ended_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "iam_rolegrant"
        constraints = [
            models.UniqueConstraint(
                fields=["account", "role"], condition=Q(ended_at__isnull=True), name="iam_rolegrant_current"
            )
        ]

    def __str__(self) -> str:
        return f"{self.role}:{self.account_id}"


class Posting(GuardedModel):
    """At which issuing point a role is held (派驻). A row of its own: a column more among the guarded ones of a grant
    would make the MAC of every stored grant wrong. ``point_id`` is the key of ``parties.IssuingPoint``, a floor above.
    """

    GUARDED_FIELDS = ("grant_id", "point_id", "created_at")

    id = models.BigAutoField(primary_key=True)
    grant = models.OneToOneField(RoleGrant, on_delete=models.PROTECT, related_name="posting")
    point_id = models.BigIntegerField(db_index=True)
    created_at = models.DateTimeField()

    class Meta:
        db_table = "iam_posting"

    def __str__(self) -> str:
        return f"{self.grant_id}@{self.point_id}"


class CodeStep(models.Model):
    """The last time step whose code an authenticator's owner has used: none is taken twice (RFC 6238 5.2).

    Not guarded: an edit gives a code of these seconds a second life, never a code.
    """

    credential = models.OneToOneField(Credential, on_delete=models.CASCADE, primary_key=True, related_name="+")
    step = models.BigIntegerField()

    class Meta:
        db_table = "iam_codestep"

    def __str__(self) -> str:
        return f"{self.credential_id}:{self.step}"


class SecurityPolicy(GuardedModel):
    """The one row of what the installation asks of passwords and sessions (``policy``); without it the defaults hold."""

    GUARDED_FIELDS = ("settings", "changed_at")

    id = models.IntegerField(primary_key=True)
    settings = models.TextField(help_text="JSON, sorted: what differs from the defaults")
    changed_at = models.DateTimeField()

    class Meta:
        db_table = "iam_securitypolicy"

    def __str__(self) -> str:
        return self.settings


class DualState(models.TextChoices):
    """Where a two-person request stands."""

    PENDING = "PENDING", _("待确认")
    CONFIRMED = "CONFIRMED", _("已确认")
    USED = "USED", _("已执行")
    WITHDRAWN = "WITHDRAWN", _("已撤回")


class DualControlRequest(GuardedModel):
    """A stored, expiring request of one person that another confirms; bound to its content by digest."""

    GUARDED_FIELDS = (
        "kind",
        "payload",
        "payload_digest",
        "state",
        "requested_by_id",
        "requested_session_id",
        "requested_credential_id",
        "requested_at",
        "expires_at",
        "confirmed_by_id",
        "confirmed_session_id",
        "confirmed_credential_id",
        "confirmed_at",
        "used_at",
    )

    id = models.BigAutoField(primary_key=True)
    kind = models.CharField(max_length=32)
    payload = models.TextField(help_text="JSON, sorted; names things by key, holds no protected value")
    payload_digest = models.CharField(max_length=64, help_text="SM3")
    state = models.CharField(max_length=16, choices=DualState.choices, default=DualState.PENDING)
    requested_by = models.ForeignKey(StaffAccount, on_delete=models.PROTECT, related_name="+")
    requested_session = models.ForeignKey(Session, on_delete=models.PROTECT, related_name="+")
    requested_credential = models.ForeignKey(Credential, on_delete=models.PROTECT, related_name="+")
    requested_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    confirmed_by = models.ForeignKey(StaffAccount, on_delete=models.PROTECT, null=True, related_name="+")
    confirmed_session = models.ForeignKey(Session, on_delete=models.PROTECT, null=True, related_name="+")
    confirmed_credential = models.ForeignKey(Credential, on_delete=models.PROTECT, null=True, related_name="+")
    confirmed_at = models.DateTimeField(null=True)
    used_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "iam_dualcontrolrequest"

    def __str__(self) -> str:
        return f"{self.kind}:{self.pk}"


class Installation(GuardedModel):
    """The one row that says what the installation was made for. The record beside the keys says the same."""

    GUARDED_FIELDS = ("state", "mark", "made_at")

    id = models.IntegerField(primary_key=True)
    state = models.CharField(max_length=16)
    mark = models.CharField(max_length=32, help_text="the random name of the installation, as in its record")
    made_at = models.DateTimeField()

    class Meta:
        db_table = "iam_installation"

    def __str__(self) -> str:
        return f"{self.state}:{self.mark}"


class LoginChallenge(models.Model):
    """A challenge that a certificate answers: once, within two minutes, from the browser it was given to.

    Only digests of challenge and browser are kept. ``credential`` is the password that was right before, where the
    certificate is the second factor. The row carries a MAC of its own instead of being a guarded one: it lives for
    minutes and its deletion is its use, which is nothing for the audit to account for.
    """

    id = models.BigAutoField(primary_key=True)
    digest = models.CharField(max_length=64, unique=True)
    browser = models.CharField(max_length=64, db_index=True)
    origin = models.CharField(max_length=255)
    channel = models.CharField(max_length=16)
    credential = models.ForeignKey(Credential, on_delete=models.CASCADE, null=True, related_name="+")
    expires_at = models.DateTimeField(db_index=True)
    mac = models.BinaryField(max_length=16)

    class Meta:
        db_table = "iam_loginchallenge"

    def __str__(self) -> str:
        return f"challenge:{self.pk}"

    def values(self) -> tuple[Any, ...]:
        """What the MAC covers."""
        return self.digest, self.browser, self.origin, self.channel, self.credential_id, self.expires_at


class StaffLogin(GuardedModel):
    """The one row that says what staff log in with; while there is none, what the installation was made for says it."""

    GUARDED_FIELDS = ("method", "changed_at")

    id = models.IntegerField(primary_key=True)
    method = models.CharField(max_length=16)
    changed_at = models.DateTimeField()

    class Meta:
        db_table = "iam_stafflogin"

    def __str__(self) -> str:
        return self.method
