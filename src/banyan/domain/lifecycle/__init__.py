"""The six businesses on certificate pairs: enroll, modify, reissue, unlock, revoke, renew (规范 3.1.1.1)."""
