"""PKI objects: bytes in, bytes out. No web framework, no clock and no private key of its own.

Modules: ``names`` (distinguished names), ``profile`` (what a certificate of a kind looks like),
``certificate`` (templates, encoding, parsing), ``lint`` (rules before signature and on stored bytes),
``crl``, ``csr``, ``envelope``, ``cms``, ``chain``.
"""
