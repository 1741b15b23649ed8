"""What can go wrong around the audit."""

from banyan.kernel.errors import N_, BanyanError


class AuditError(BanyanError):
    """Base of this package's errors."""

    code = "audit.error"
    message = N_("审计记录没有写成，所以操作没有执行。")


class NoAction(AuditError):
    """Something that must be audited was done outside an action. A defect of the calling code."""

    code = "audit.no_action"
    message = N_("{what} 不在受审计的操作之内。请通过该业务的 actions 执行。")


class UnrecordedWrite(AuditError):
    """A guarded row was written in an action without an audit record that carries it. A defect of the calling
    code.
    """

    code = "audit.unrecorded_write"
    message = N_("受保护的记录 {rows} 被写入但没有审计记录，操作已撤销。")


class TooManyRecords(AuditError):
    """One transaction wanted to append more records than it may."""

    code = "audit.too_many_records"
    message = N_("一次事务要写 {count} 条审计记录，上限为 {limit} 条。请把批量操作分段执行。")


class HeadMissing(AuditError):
    """There are records but the head of the chain is gone."""

    code = "audit.head_missing"
    message = N_("审计链的链头丢失或与记录不符。请运行 banyan audit verify；确认后由两人开启新的审计纪元。")


class StaleRow(AuditError):
    """Another action changed the row in between."""

    code = "audit.stale_row"
    message = N_("{row} 已被别人修改。请刷新后重试。")


class RowForged(AuditError):
    """A guarded row does not carry the MAC of its content."""

    code = "audit.row_forged"
    message = N_("{row} 的内容与其完整性校验不符，已拒绝使用。请通知审计管理员运行 banyan audit verify。")
    audited_refusal = True


class CheckpointInvalid(AuditError):
    """A checkpoint file, its signature or its key is not as it was written."""

    code = "audit.checkpoint_invalid"
    message = N_("审计检查点文件第 {line} 行无效：{reason}。")


class EpochNotNeeded(AuditError):
    """A new epoch was asked for although the chain goes on from the last checkpoint."""

    code = "audit.epoch_not_needed"
    message = N_("审计链与最近的检查点相符，不需要开启新的纪元。")
