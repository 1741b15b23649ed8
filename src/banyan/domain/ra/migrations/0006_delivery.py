import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("ra", "0004_process_version"),
    ]

    operations = [
        migrations.CreateModel(
            name="HandOverReceipt",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("region_code", models.CharField(max_length=6)),
                ("received_by", models.CharField(max_length=100)),
                (
                    "how",
                    models.CharField(
                        choices=[
                            ("REQUESTER", "经办人本人，证件号已核对"),
                            ("BY_NAME", "经办人本人，没有登记证件号"),
                            ("HOLDER", "持有人本人"),
                            ("AUTHORIZED", "凭授权代领"),
                            ("EMS", "邮寄妥投"),
                        ],
                        max_length=10,
                    ),
                ),
                ("authorization", models.CharField(blank=True, max_length=200)),
                ("handed_over_at", models.DateTimeField()),
                ("handed_over_by", models.BigIntegerField()),
                ("scan_sm3", models.CharField(blank=True, max_length=64)),
                ("scan_size", models.BigIntegerField(default=0)),
                ("scan_media_type", models.CharField(blank=True, max_length=100)),
                ("scan_path", models.CharField(blank=True, max_length=200)),
                (
                    "request",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT, related_name="receipt", to="ra.servicerequest"
                    ),
                ),
            ],
            options={
                "abstract": False,
            },
        ),
        migrations.CreateModel(
            name="Message",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("region_code", models.CharField(max_length=6)),
                ("code", models.CharField(max_length=16)),
                ("created_at", models.DateTimeField()),
                ("read_at", models.DateTimeField(blank=True, null=True)),
                (
                    "request",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="messages", to="ra.servicerequest"
                    ),
                ),
            ],
            options={
                "abstract": False,
            },
        ),
        migrations.CreateModel(
            name="Notice",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("region_code", models.CharField(max_length=6)),
                ("code", models.CharField(max_length=16)),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("WAITING", "待发短信"),
                            ("SENT", "已发短信"),
                            ("TO_CALL", "待电话通知"),
                            ("REACHED", "已电话告知"),
                            ("CLOSED", "不再需要"),
                        ],
                        default="WAITING",
                        max_length=8,
                    ),
                ),
                ("created_at", models.DateTimeField()),
                ("due_on", models.DateField()),
                ("settled_at", models.DateTimeField(blank=True, null=True)),
                (
                    "request",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="notices", to="ra.servicerequest"
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="NoticeAttempt",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("channel", models.CharField(choices=[("SMS", "短信"), ("CALL", "电话")], max_length=4)),
                (
                    "result",
                    models.CharField(
                        choices=[
                            ("accepted", "短信平台已接收"),
                            ("late", "短信平台没有应答"),
                            ("error", "短信平台出错"),
                            ("refused", "短信平台拒绝"),
                            ("number_unknown", "号码不存在"),
                            ("no_phone", "没有登记手机号"),
                            ("stale", "时间已久，不再发短信"),
                            ("reached", "已告知本人"),
                            ("no_answer", "无人接听"),
                            ("wrong_number", "号码有误"),
                        ],
                        max_length=16,
                    ),
                ),
                ("at", models.DateTimeField()),
                ("actor", models.BigIntegerField()),
                ("actor_name", models.CharField(max_length=100)),
                ("note", models.CharField(blank=True, max_length=200)),
                (
                    "notice",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="attempts", to="ra.notice"
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="Parcel",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("region_code", models.CharField(max_length=6)),
                ("number", models.CharField(max_length=32, unique=True)),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("PREPARED", "待交寄"),
                            ("SENT", "已交邮政"),
                            ("DELIVERED", "已妥投"),
                            ("RETURNED", "已退回"),
                            ("CANCELLED", "已取消"),
                        ],
                        default="PREPARED",
                        max_length=10,
                    ),
                ),
                ("version", models.IntegerField(default=1)),
                ("recipient_sealed", models.BinaryField()),
                ("recipient_masked", models.CharField(max_length=200)),
                ("waybill", models.CharField(blank=True, max_length=13)),
                ("prepared_at", models.DateTimeField()),
                ("sent_at", models.DateTimeField(blank=True, null=True)),
                ("due_on", models.DateField(blank=True, null=True)),
                ("settled_at", models.DateTimeField(blank=True, null=True)),
                ("note", models.CharField(blank=True, max_length=200)),
            ],
            options={
                "indexes": [
                    models.Index(fields=["region_code", "id"], name="ra_parcel_region"),
                    models.Index(
                        condition=models.Q(("state__in", ["PREPARED", "SENT"])), fields=["id"], name="ra_parcel_open"
                    ),
                ],
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("waybill", ""), _negated=True),
                        fields=("waybill",),
                        name="ra_parcel_waybill",
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="ParcelItem",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("is_open", models.BooleanField(default=True)),
                (
                    "parcel",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="items", to="ra.parcel"
                    ),
                ),
                (
                    "request",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="parcel_items", to="ra.servicerequest"
                    ),
                ),
            ],
        ),
        migrations.AddIndex(
            model_name="notice",
            index=models.Index(
                condition=models.Q(("state__in", ["WAITING", "TO_CALL"])),
                fields=["region_code", "id"],
                name="ra_notice_open",
            ),
        ),
        migrations.AddIndex(
            model_name="notice",
            index=models.Index(
                condition=models.Q(("state__in", ["WAITING", "TO_CALL"])), fields=["id"], name="ra_notice_open_all"
            ),
        ),
        migrations.AddConstraint(
            model_name="parcelitem",
            constraint=models.UniqueConstraint(
                condition=models.Q(("is_open", True)), fields=("request",), name="ra_parcel_item_once"
            ),
        ),
    ]
