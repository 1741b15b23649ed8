"""A drawer of soft tokens: one directory that holds one directory a device."""

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

from banyan_token import storage
from banyan_token.device import TokenInfo
from banyan_token.soft_token import SoftToken


class TokenDrawer:
    """The devices "plugged in" on this machine (SKF_EnumDev); ``directory`` is ``Home.tokens`` in an
    installation.

    ``machine_secret_path`` lies outside the drawer; without it each device's own record says where.
    """

    def __init__(self, directory: Path, *, machine_secret_path: Path | None = None) -> None:
        self._directory = directory
        self._machine_secret_path = machine_secret_path

    def serials(self) -> list[str]:
        """Serial numbers of the devices, sorted."""
        return sorted(place.name for place in self._places())

    def infos(self) -> list[TokenInfo]:
        """Descriptions of all devices, sorted by serial. Raises what opening any of them raises."""
        return [self.open(serial).info() for serial in self.serials()]

    def place(self, serial: str) -> Path:
        """The directory of the device ``serial``, there or not."""
        return self._directory / serial

    def has(self, serial: str) -> bool:
        """Whether there is such a device."""
        return (self.place(serial) / storage.STATE_FILE).exists()

    def open(self, serial: str) -> SoftToken:
        """Open a device. Raises TokenMissing, TokenTampered, MachineSecretMissing."""
        return SoftToken.open(self.place(serial), machine_secret_path=self._machine_secret_path)

    def create(self, serial: str, *, user_pin: str, admin_pin: str, now: datetime, **options: Any) -> SoftToken:
        """Personalise a new device; ``options`` as in ``SoftToken.create``. Raises as that does."""
        path = self._machine_secret_path or self._directory.with_name(self._directory.name + ".secret")
        return SoftToken.create(
            self.place(serial),
            serial=serial,
            user_pin=user_pin,
            admin_pin=admin_pin,
            machine_secret_path=path,
            now=now,
            **options,
        )

    def _places(self) -> Iterator[Path]:
        if self._directory.is_dir():
            yield from (one for one in self._directory.iterdir() if (one / storage.STATE_FILE).is_file())
