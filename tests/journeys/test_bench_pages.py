"""What docs/performance.md says about web pages can be measured again, with the agent's headless build (C5)."""

import json
import subprocess
import sys

import pytest

from support.agent import AGENT
from support.skf import ROOT

pytestmark = pytest.mark.browser


def test_signing_and_writing_from_a_page_are_measured() -> None:
    """Each signature is verified there; nobody was asked for a PIN, for this build takes it from a file."""
    if not AGENT.exists():
        pytest.skip("make setup builds it")
    command = [sys.executable, str(ROOT / "scripts" / "bench_token_pages.py"), "--rounds", "2"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    figures = {line["figure"]: line for line in map(json.loads, done.stdout.splitlines())}
    told = (ROOT / "docs" / "performance.md").read_text(encoding="utf-8")
    assert figures
    assert not [name for name in figures if name not in told and name.replace("https", "websocket") not in told]
    assert all(line["value"] > 0 for line in figures.values())
    assert figures["page_sign_over_library_websocket_ms"]["window_ms"] == 0
