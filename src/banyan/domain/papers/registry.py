"""The papers that exist: a new one is its two files in ``shipped`` and one line below."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any, Final

from banyan.domain.iam.right_names import RIGHTS
from banyan.domain.papers.errors import PaperUnknown
from banyan.domain.papers.ports import Values
from banyan.domain.papers.vocabulary import NAMES, Name

REGISTRY: Final = (
    "application_form",
    "deficiency_notice",
    "intake_receipt",
    "hand_over_receipt",
    "pin_letter",
    "label_36",
    "label_24",
    "label_50x30",
)
# Files beside the templates that every template may load by name.
BUNDLED: Final = ("paper.css",)

_KEYS: Final = {
    "code",
    "name",
    "width_mm",
    "height_mm",
    "most_pages",
    "right",
    "group",
    "about",
    "values",
    "qr",
    "sample",
}


@dataclass(frozen=True)
class Paper:
    """A kind of printed paper.

    ``right`` is what one must hold to print it, ``group`` what it is (form, notice, receipt, letter, label), ``qr`` the name
    whose value its QR code holds. ``sample`` are the values a preview shows where they differ from the vocabulary's.
    """

    code: str
    name: str
    about: str
    group: str
    width_mm: float
    height_mm: float
    most_pages: int
    right: str
    names: tuple[Name, ...]
    qr: str
    sample: Values
    template: str

    def chosen(self, values: Values) -> dict[str, Any]:
        """Of all values those this paper declares, each of its kind. Raises KeyError or TypeError: a defect of the builder."""
        found = {entry.name: values[entry.name] for entry in self.names}
        for entry in self.names:
            if not entry.kind.fits(found[entry.name]):
                raise TypeError(f"{self.code}: {entry.name} is no {entry.kind}")
        return found


@cache
def papers() -> Mapping[str, Paper]:
    """Every paper by its code, in the order of the registry."""
    return {code: _paper(code) for code in REGISTRY}


def paper(code: str) -> Paper:
    """Raises PaperUnknown."""
    try:
        return papers()[code]
    except KeyError as error:
        raise PaperUnknown from error


@cache
def bundled(name: str) -> bytes:
    """A file that stands beside the templates."""
    return files(__package__).joinpath("shipped", name).read_bytes()


def _paper(code: str) -> Paper:
    place = files(__package__).joinpath("shipped")
    data = tomllib.loads(place.joinpath(f"{code}.toml").read_text("utf-8"))
    unknown = set(data) - _KEYS
    if unknown or data["code"] != code or data["right"] not in RIGHTS:
        raise ValueError(f"{code}.toml: {sorted(unknown) or data['code']}, {data['right']}")
    names = tuple(NAMES[name] for name in data["values"])
    qr = data.get("qr", "")
    if qr:
        names += (NAMES["qr_text"],)
    sample = {entry.name: data.get("sample", {}).get(entry.name, entry.sample) for entry in names}
    if qr:
        sample["qr_text"] = sample[qr]
    return Paper(
        code=code, name=data["name"], about=data["about"], group=data["group"], width_mm=data["width_mm"],
        height_mm=data["height_mm"], most_pages=data["most_pages"], right=data["right"], names=names, qr=qr, sample=sample,
        template=place.joinpath(f"{code}.html").read_text("utf-8"),
    )  # fmt: skip


__all__ = ["BUNDLED", "REGISTRY", "Paper", "bundled", "paper", "papers"]
