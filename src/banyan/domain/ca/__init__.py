"""Certification authorities: intents to issue, certificate pairs, revocation, CRLs, and the connector contract.

An issuance is recorded before anything is signed (``Issuance``). Whoever signs, a process of ours or a superior CA, is
reached through ``ports.Connector``; what comes back is recorded once, whole pairs at a time.
"""
