"""pkilint as an outside judge."""

import contextlib
import io
import json
import warnings
from importlib import import_module

# GB/T 20518-2018 §5.2.4.2.3 gives encryption certificates exactly these bits; RFC 8813, which pkilint follows, forbids
# two of them for id-ecPublicKey because ECDH has no use for them. SM2 encryption has.
ALLOWED_IN_ENCRYPTION = {"pkix.key_usage_value_prohibited_for_ec"}


def lint(tool: str, *arguments: str) -> set[str]:
    """Codes of the findings of a pkilint program from NOTICE upwards (its main function, called in this process)."""
    output = io.StringIO()
    with warnings.catch_warnings(), contextlib.redirect_stdout(output):
        warnings.simplefilter("ignore")  # the judge's own use of deprecated calls and unclosed files
        import_module(f"pkilint.bin.{tool}").main(["lint", "-s", "NOTICE", "-f", "JSON", *arguments])
    results = json.loads(output.getvalue())["results"]
    return {row["code"] for result in results for row in result["finding_descriptions"]}
