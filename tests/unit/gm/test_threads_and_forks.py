"""Engines leave the interpreter free while they work, serve threads at once, and never carry a scalar across a fork."""

import os
import threading
import time
from concurrent.futures import ThreadPoolExecutor

from banyan import gm
from banyan.gm import sm2


def test_other_threads_run_while_an_engine_works(engine_in_use: str) -> None:
    """The interpreter's lock is free: the main thread ticks on during one long batch."""
    pair = sm2.generate_keypair()
    items = [(pair.private, pair.public, b"m")] * (2000 if engine_in_use == "ipp" else 400)
    if gm.engine_tier() == "multi-buffer":
        items *= 20
    span: list[float] = []

    def work() -> None:
        start = time.monotonic()
        sm2.sign_many(items)
        span.extend((start, time.monotonic()))

    thread = threading.Thread(target=work)
    ticks = []
    thread.start()
    while thread.is_alive():
        ticks.append(time.monotonic())
        time.sleep(0.001)
    thread.join()
    start, end = span
    # Building the batch and its results needs the lock; the middle of the call does not.
    middle = [tick for tick in ticks if start + (end - start) * 0.2 < tick < start + (end - start) * 0.8]
    assert len(middle) >= 5, f"{len(middle)} ticks in {end - start:.3f} s"


def test_threads_get_right_answers_at_once(engine_in_use: str) -> None:
    """Curve contexts of the libraries are not shared: eight threads at once, every kind of operation."""
    pairs = sm2.generate_keypairs(8)

    def work(index: int) -> bool:
        pair = pairs[index % 8]
        for turn in range(4):
            text = b"%d/%d" % (index, turn)
            signature = sm2.sign(pair.private, pair.public, text)
            sm2.verify(pair.public, text, signature)
            if sm2.decrypt(pair.private, sm2.encrypt(pair.public, text)) != text:
                return False
            if sm2.public_key(pair.private) != pair.public:
                return False
            if gm.hmac_sm3(b"k", text) != gm.hmac_sm3_many(b"k", [text, text])[1]:
                return False
        return True

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(work, range(24)))


def test_parent_and_child_never_share_a_scalar(engine_in_use: str) -> None:
    """GB/T 32918.2: a scalar used twice gives the private key away; r would be equal for equal messages."""
    pair = sm2.generate_keypair()
    items = [(pair.private, pair.public, b"the same message")] * 20
    seen = {sm2.signature_from_der(made)[:32] for made in sm2.sign_many(items)}  # warm: contexts exist before the fork
    fresh_keys: set[bytes] = set()
    count = len(seen)
    for _ in range(3):
        read, write = os.pipe()
        child = os.fork()
        if child == 0:
            try:
                made = sm2.sign_many(items)
                keys = sm2.generate_keypairs(5)
                os.write(write, b"".join(sm2.signature_from_der(one)[:32] for one in made))
                os.write(write, b"".join(key.private for key in keys))
            finally:
                os._exit(0)
        os.close(write)
        mine = [sm2.signature_from_der(made)[:32] for made in sm2.sign_many(items)]
        own_keys = [key.private for key in sm2.generate_keypairs(5)]
        with os.fdopen(read, "rb") as stream:
            data = stream.read()
        os.waitpid(child, 0)
        assert len(data) == 32 * 25
        parts = [data[at : at + 32] for at in range(0, len(data), 32)]
        seen.update(mine, parts[:20])
        fresh_keys.update(own_keys, parts[20:])
        count += 40
    assert len(seen) == count
    assert len(fresh_keys) == 30
