"""A simulator of a superior CA (模拟上级 CA), in a process of its own. It is no CA: its keys guard nothing.

It stands in for the CA of the national government network until that one is connected: own SM2 root and
issuing CA whose names say 模拟上级 and 测试, own small KMC, own durable store, and faults on order
(``faults``). It shares the pure packages with the platform and neither its database nor its keys.

Wire contract, over ``kernel.rpc`` (MessagePack on a Unix socket, instants in ISO 8601):

- ``submit(tasks)``: [{task_no, profile, csr, subject_der, not_before, not_after, extensions}] gives one
  {task_no, accepted} or {task_no, refused: {code, message, fields}} each. A task number names one piece of
  work for ever: with the same content nothing changes, with other content it is refused
  (``superior.task_conflict``).
- ``collect(task_nos)``: [{task_no, state: pending, issued or rejected, …}]; unknown numbers are left out;
  *issued* brings signing_certificate, encryption_certificate and envelope (SM2EnvelopedKey to the request's
  key), *rejected* brings code, message, fields.
- ``change_status(tasks)``: [{task_no, serials, action: revoke, hold or release, reason, at}] gives [{task_no,
  state: pending, done or rejected, …}]; repeat the call to learn how it went on.
- ``certificate_status(serials)``: {serial: VALID, HELD or REVOKED}; unknown serials are left out.
- ``crl()``: {number, der}. ``chain()``: {root, issuing} in DER. ``status()``: {name, pending}.
"""
