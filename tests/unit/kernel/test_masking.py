"""A log holds no secret of a link and no person's number, whoever writes the line (F7)."""

import logging

import pytest

from banyan.kernel.masking import MaskedWords


@pytest.mark.parametrize(
    ("message", "arguments", "written"),
    [
        ("Not Found: %s", ("/first/aB3-xyz_9/",), "Not Found: /first/[withheld]"),
        ("Method Not Allowed (%s): %s", ("PUT", "/first/s3cret"), "Method Not Allowed (PUT): /first/[withheld]"),
        ("Not Found: %s", ("/requests/359900199001010015",), "Not Found: /requests/[withheld]"),
        ("call 13800000023 back", (), "call [withheld] back"),
        ("serial 5201A22177574C5B5FF8BCFDE62E4F3B", (), "serial 5201A22177574C5B5FF8BCFDE62E4F3B"),
    ],
)
def test_what_must_not_be_in_a_log_is_masked(message: str, arguments: tuple[str, ...], written: str) -> None:
    record = logging.LogRecord("django.request", logging.WARNING, "", 1, message, arguments, None)
    assert MaskedWords().filter(record)
    assert record.getMessage() == written
