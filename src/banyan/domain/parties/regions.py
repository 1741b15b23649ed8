"""The tree of regions: the shipped data, its closure, and how a region is read from a form. Pure functions."""

import re
import tomllib
import unicodedata
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cache, cached_property, lru_cache
from importlib.resources import files

from .errors import AmbiguousRegion, RegionDataInvalid, UnknownRegion
from .kinds import RegionLevel

_CODE = re.compile(r"\d{6}")
_SHIPPED = "fujian_regions.toml"
_SUFFIX = re.compile(r"(?<=..)(省|市|县|区)$")


@dataclass(frozen=True)
class RegionEntry:
    """A region by its six-digit code."""

    code: str
    name: str
    level: RegionLevel
    parent: str | None
    other_names: tuple[str, ...] = ()


@dataclass(frozen=True)
class RetiredCode:
    """A code no longer given out, and the one in its place."""

    code: str
    name: str
    current: str


@dataclass(frozen=True)
class RegionTree:
    """A province: its regions, and the codes that older documents still carry."""

    regions: tuple[RegionEntry, ...]
    retired: tuple[RetiredCode, ...] = ()

    @cached_property
    def by_code(self) -> Mapping[str, RegionEntry]:
        return {region.code: region for region in self.regions}

    @cached_property
    def current_codes(self) -> Mapping[str, str]:
        """Retired code → current code."""
        return {entry.code: entry.current for entry in self.retired}

    @property
    def root(self) -> RegionEntry:
        """The province."""
        return next(region for region in self.regions if region.parent is None)

    def ancestors(self, code: str) -> tuple[str, ...]:
        """The region itself, then what it lies in, up to the province; a retired code stands with its successor."""
        chain = [code]
        at: str | None = self.current_codes.get(code, code)
        while at is not None:
            if at != code:
                chain.append(at)
            at = self.by_code[at].parent
        return tuple(chain)

    @cached_property
    def closure(self) -> frozenset[tuple[str, str]]:
        """Every (ancestor, descendant), each region with itself.

        Certificates keep the code they were issued under: a retired code is a descendant of its successor, and sees
        what its successor sees.
        """
        pairs = {(above, region.code) for region in self.regions for above in self.ancestors(region.code)}
        for entry in self.retired:
            pairs |= {(above, entry.code) for above in self.ancestors(entry.code)}
        for entry in self.retired:
            pairs |= {(entry.code, below) for above, below in tuple(pairs) if above == entry.current}
        return frozenset(pairs)

    def is_within(self, code: str, roots: Iterable[str] | None) -> bool:
        """Whether ``code`` is one of ``roots`` or lies below one (None: the whole province)."""
        return roots is None or any((root, code) in self.closure for root in roots)

    def current(self, code: str) -> RegionEntry:
        """The region that a code, current or retired, stands for. Raises UnknownRegion."""
        found = self.by_code.get(self.current_codes.get(code, code))
        if found is None:
            raise UnknownRegion(region=code, masked=code)
        return found

    def full_name(self, code: str) -> str:
        """Names from the prefecture down, as forms write them (福州市鼓楼区); the province alone by its own name."""
        chain = [self.by_code[above] for above in self.ancestors(self.current(code).code)]
        names = [region.name for region in reversed(chain) if region.parent is not None]
        return "".join(names) or chain[0].name

    def read(self, text: str) -> RegionEntry:
        """The region that a form names: a code, a name, or a path of names, with or without 省/市/县/区.

        Raises UnknownRegion or AmbiguousRegion.
        """
        return self._reading(text)

    @cached_property
    def _reading(self) -> Callable[[str], RegionEntry]:
        return lru_cache(maxsize=1024)(self._read)  # a sheet names the same regions row after row

    def _read(self, text: str) -> RegionEntry:
        shown = "".join(unicodedata.normalize("NFKC", text).split())
        if _CODE.fullmatch(shown):
            return self.current(shown)
        found = self._names.get(shown, frozenset())
        if not found:
            raise UnknownRegion(region=shown[:40], masked=shown[:40])
        if len(found) > 1:
            candidates = "、".join(f"{code} {self.full_name(code)}" for code in sorted(found))
            raise AmbiguousRegion(region=shown, candidates=candidates, masked=shown)
        return self.by_code[next(iter(found))]

    @cached_property
    def _names(self) -> Mapping[str, frozenset[str]]:
        exact: dict[str, set[str]] = {}
        for region in self.regions:
            for name in (region.name, *region.other_names):
                for spelling in self._spellings(name, region.parent):
                    exact.setdefault(spelling, set()).add(region.code)
        older: dict[str, set[str]] = {}
        for entry in self.retired:
            if entry.name:
                for spelling in self._spellings(entry.name, self.by_code[entry.current].parent):
                    older.setdefault(spelling, set()).add(entry.current)
        # A name still in use means the region that bears it now, not one that bore it once.
        return {name: frozenset(codes) for name, codes in {**older, **exact}.items()}

    def _spellings(self, name: str, parent: str | None) -> set[str]:
        own = {name, _SUFFIX.sub("", name)}
        prefixes = {""}
        while parent is not None:
            above = self.by_code[parent]
            # Either full or short, and any level may be left out.
            prefixes |= {form + rest for form in (above.name, _SUFFIX.sub("", above.name)) for rest in prefixes}
            parent = above.parent
        return {prefix + form for prefix in prefixes for form in own}


def load_tree(text: str) -> RegionTree:
    """A region tree from the text of a data file. Raises RegionDataInvalid."""
    try:
        data = tomllib.loads(text)
        province = data["province"]
        regions = [RegionEntry(province["code"], province["name"], RegionLevel.PROVINCE, None)]
        for prefecture in data["prefecture"]:
            regions.append(
                RegionEntry(prefecture["code"], prefecture["name"], RegionLevel.PREFECTURE, province["code"])
            )
            for digits, name in prefecture["counties"].items():
                code = prefecture["code"][:4] + digits
                regions.append(RegionEntry(code, name, RegionLevel.COUNTY, prefecture["code"]))
        for area in data.get("business_area", []):
            names = tuple(area.get("other_names", ()))
            regions.append(RegionEntry(area["code"], area["name"], RegionLevel.BUSINESS_AREA, province["code"], names))
        retired = [
            RetiredCode(entry["code"], entry.get("name", ""), entry["current"]) for entry in data.get("retired", [])
        ]
    except (tomllib.TOMLDecodeError, KeyError, TypeError, AttributeError) as error:
        raise RegionDataInvalid(problem=f"{type(error).__name__}: {error}") from error
    return checked(RegionTree(tuple(regions), tuple(retired)))


def checked(tree: RegionTree) -> RegionTree:
    """The tree itself when its codes are whole and unique and every retired code leads somewhere.

    Raises RegionDataInvalid.
    """
    codes = [region.code for region in tree.regions] + [entry.code for entry in tree.retired]
    wrong = [code for code in codes if not _CODE.fullmatch(code)]
    if wrong:
        raise RegionDataInvalid(problem=f"not six digits: {wrong[0]}")
    if len(set(codes)) != len(codes):
        raise RegionDataInvalid(problem="a code stands twice")
    lost = [entry.code for entry in tree.retired if entry.current not in tree.by_code]
    if lost:
        raise RegionDataInvalid(problem=f"retired {lost[0]} leads nowhere")
    return tree


@cache
def shipped_tree() -> RegionTree:
    """Fujian as shipped with the product."""
    return load_tree(files(f"{__package__}.data").joinpath(_SHIPPED).read_text("utf-8"))
