"""What can be wrong with a key or with what protects it."""

from banyan.kernel.errors import N_, BanyanError


class KeysError(BanyanError):
    """Base of the errors of this package."""

    code = "keys.error"


class KekUnreadable(KeysError):
    """The key-encryption key is missing, readable by others, or its passphrase is wrong."""

    code = "keys.kek_unreadable"
    message = N_("无法使用密钥加密密钥 {path}（{reason}）。请检查该文件的存在、权限（0600）与口令。")


class KeyMissing(KeysError):
    """No key of this name is kept."""

    code = "keys.missing"
    message = N_("没有名为 {name} 的密钥。请先举行密钥仪式（banyan ca ceremony），或从备份恢复密钥文件。")


class KeyExists(KeysError):
    """A key of this name is kept already; keys are never overwritten."""

    code = "keys.exists"
    message = N_("名为 {name} 的密钥已经存在，不会覆盖。请换一个名称。")


class KeyFileDamaged(KeysError):
    """The file does not open: another KEK, or somebody changed a byte of it."""

    code = "keys.file_damaged"
    message = N_("密钥文件 {name} 打不开：被改动过，或密钥加密密钥不是当时那一个。请从备份恢复。")
