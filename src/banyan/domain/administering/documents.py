"""The documents that can be set: what is shipped, what is in force, whether a new content may stand, what it says."""

from collections.abc import Mapping
from typing import Any

from banyan.domain.administering import calendar_settings, material_settings, process_settings, system_settings
from banyan.domain.administering.said import Said, say
from banyan.domain.ra.processes import MATERIALS_DOCUMENT, shipped_materials, shipped_process
from banyan.domain.rulebook import snapshots
from banyan.domain.rulebook.errors import DocumentUnknown, SettingRefused
from banyan.kernel.errors import N_

Content = Mapping[str, Any]


def title(document: str) -> Said:
    """What people call a document. Raises DocumentUnknown."""
    year = calendar_settings.year_of(document)
    if year is not None:
        return say(N_("{year} 年日历"), year=year)
    if document == MATERIALS_DOCUMENT:
        return say(N_("材料清单"))
    if document in process_settings.names():
        return say(N_("流程：{name}"), name=process_settings.names()[document])
    if document in system_settings.names():
        return say(N_("签发系统：{name}"), name=system_settings.names()[document])
    raise DocumentUnknown(document=document[:60])


def shipped(document: str) -> Content:
    """What the product ships of it. Raises DocumentUnknown."""
    title(document)
    year = calendar_settings.year_of(document)
    if year is not None:
        return calendar_settings.shipped_year(year)
    if document == MATERIALS_DOCUMENT:
        return shipped_materials()
    family, _, code = document.partition(":")
    return shipped_process(code) if family == "process" else system_settings.shipped_system(code)


def in_force(document: str) -> Content:
    """What counts now. Raises DocumentUnknown."""
    content = snapshots.current().content(document)
    return shipped(document) if content is None else content


def at(document: str, number: int) -> Content:
    """What a version said (0: as shipped). Raises DocumentUnknown."""
    version = snapshots.current().version(document, number)
    if version is None and number:
        raise DocumentUnknown(document=f"{document}/{number}"[:60])
    return shipped(document) if version is None or version.content is None else version.content


def check(document: str, content: Content) -> None:
    """Raises SettingRefused, at its field, for a content that may not stand; DocumentUnknown."""
    title(document)
    family, _, code = document.partition(":")
    try:
        year = calendar_settings.year_of(document)
        if year is not None:
            calendar_settings.check(year, content)
        elif document == MATERIALS_DOCUMENT:
            material_settings.check(content)
        elif family == "process":
            process_settings.check(code, content)
        else:
            system_settings.check(code, content)
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise SettingRefused("", N_("内容不完整：{problem}。"), problem=type(error).__name__) from error


def lines(document: str, content: Content) -> list[Said]:
    """What a content says, sentence by sentence. Raises DocumentUnknown."""
    title(document)
    if calendar_settings.year_of(document) is not None:
        return calendar_settings.lines(content)
    if document == MATERIALS_DOCUMENT:
        return material_settings.lines(content)
    if document.startswith("process:"):
        return process_settings.lines(content)
    return system_settings.lines(content)
