"""The two processes that hold keys: ``banyan signer`` (certificate authorities) and ``banyan kmc``
(encryption keys).
"""
