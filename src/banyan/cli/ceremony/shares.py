"""Handing shares to custodians and asking them back: on the terminal, one person at a time, or through
files.
"""

from collections.abc import Callable, Sequence
from getpass import getpass
from pathlib import Path

import click

from banyan.cli.ceremony.custodians import Custodian
from banyan.kernel.home import Home
from banyan.keys import protect_kek_with_passphrase
from banyan.keys.files import write_private

_A_LINE = 4


def hand_out_on_terminal(custodian: Custodian) -> None:
    """Show one custodian's words to that person alone, then clear the screen."""
    click.clear()
    click.pause(f"请 {custodian.name} 单独到屏幕前，其他人回避。按任意键显示份额。")
    words = custodian.words.split()
    for at in range(0, len(words), _A_LINE):
        line = (f"{number:2}. {word:12}" for number, word in enumerate(words[at : at + _A_LINE], at + 1))
        click.echo("  ".join(line))
    while True:
        click.pause("请在专用纸上抄写并核对。抄好后按任意键。")
        if click.prompt("为确认抄写无误，请输入第 4 个和最后一个词，用空格隔开").split() == [words[3], words[-1]]:
            break
        click.echo("与屏幕上的词不同，请再核对。")
    click.clear()


def hand_out_to_files(directory: Path) -> Callable[[Custodian], None]:
    """Write each share to a file of its own, for printing in sealed envelopes."""
    directory.mkdir(parents=True, exist_ok=True, mode=0o700)

    def hand_out(custodian: Custodian) -> None:
        write_private(directory / f"{custodian.name}.share", f"{custodian.words}\n".encode())

    return hand_out


def read_shares(files: Sequence[Path]) -> list[str]:
    """The words in files."""
    return [path.read_text("utf-8") for path in files]


def ask_for_shares() -> list[str]:
    """Ask custodian after custodian, without showing what is typed, until somebody gives an empty line."""
    shares: list[str] = []
    while words := getpass(f"第 {len(shares) + 1} 名托管人请输入份额（结束请直接回车）："):
        shares.append(words)
        click.clear()
    return shares


def lock_kek(home: Home, name: str, passphrase: Callable[[], bytes]) -> None:
    """Lock ``<name>.kek`` (made when missing) with a passphrase. Raises KekUnreadable."""
    home.keys.mkdir(parents=True, exist_ok=True, mode=0o700)
    protect_kek_with_passphrase(home.keys / f"{name}.kek", passphrase())
