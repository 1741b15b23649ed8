"""What can go wrong with sealed data and its keys."""

from banyan.kernel.errors import N_, BanyanError


class SealingError(BanyanError):
    """Base of this package's errors."""

    code = "sealing.error"
    message = N_("密封的数据不能处理。")


class KekMissing(SealingError):
    """The key-encryption key of sealed fields is not where it should be."""

    code = "sealing.kek_missing"
    message = N_("找不到密封密钥文件 {path}。先用 banyan init 建立安装，或从密钥备份中恢复该文件。")


class KekUnsafe(SealingError):
    """The key-encryption key can be read by others, or has the wrong size."""

    code = "sealing.kek_unsafe"
    message = N_("密封密钥文件 {path} 的权限或长度不对。它必须是 32 字节、权限 0600。")


class KekMismatch(SealingError):
    """The wrapped data keys were not made under this key-encryption key."""

    code = "sealing.kek_mismatch"
    message = N_("{path} 中的数据密钥不能用现有的密封密钥打开。请恢复与这套数据同时备份的密封密钥。")


class SealBroken(SealingError):
    """A sealed value was changed, moved to another row or column, or sealed under another key."""

    code = "sealing.broken"
    message = N_("{context} 的密封内容被改动过，或不属于这一行这一列。请运行 banyan audit verify 查明。")
