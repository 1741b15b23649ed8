"""Requests finished before this release enter the numbers by month that statistics read."""

from collections import Counter
from zoneinfo import ZoneInfo

from django.db import migrations

_LOCAL = ZoneInfo("Asia/Shanghai")


def count_finished(apps, editor):
    request = apps.get_model("ra", "ServiceRequest")
    tally = apps.get_model("ca", "Tally")
    alias = editor.connection.alias
    rows = request._base_manager.using(alias).filter(state="DONE", closed_at__isnull=False)
    found = Counter()
    columns = ("business", "kind", "region_code", "system", "closed_at")
    for business, kind, region, system, closed_at in rows.values_list(*columns).iterator(chunk_size=5000):
        found[(f"m:{closed_at.astimezone(_LOCAL):%Y-%m}:{business}:{kind}", region, system)] += 1
    tally._base_manager.using(alias).bulk_create(
        [tally(name=name, region_code=region, system=system, value=n) for (name, region, system), n in found.items()],
        batch_size=500,
    )


def forget(apps, editor):
    tally = apps.get_model("ca", "Tally")
    tally._base_manager.using(editor.connection.alias).filter(name__startswith="m:").delete()


class Migration(migrations.Migration):
    dependencies = [
        ("ra", "0008_checks"),
        ("ca", "0002_index_open_intents_by_state"),
    ]

    operations = [migrations.RunPython(count_finished, forget)]
