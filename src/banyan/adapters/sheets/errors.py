"""What can be wrong with a whole file, read or written; what is wrong with a row is told with the row."""

from banyan.kernel.errors import N_, BanyanError


class SheetUnreadable(BanyanError):
    """Base: the file cannot be read as a sheet; nothing was taken from it."""

    code = "sheets.unreadable"
    message = N_("这个文件不能读成表格：{reason}。用 Excel、WPS 或 LibreOffice 打开，另存为 xlsx 再导入。")


class SheetEncrypted(SheetUnreadable):
    code = "sheets.encrypted"
    message = N_("这个表格设了打开口令。去掉口令，另存后再导入。")


class SheetFileTooLarge(SheetUnreadable):
    """The file itself, packed, is larger than one of applications is."""

    code = "sheets.file_too_large"
    message = N_("这个表格文件有 {megabytes} 兆，超过 {limit} 兆，没有读取。删去图片，或分成几个表格再导入。")


class SheetTooLarge(SheetUnreadable):
    """The file unpacks to far more than a sheet of applications can hold (a zip bomb, or a picture book)."""

    code = "sheets.too_large"
    message = N_(
        "这个表格展开后有 {megabytes} 兆，超过 {limit} 兆，没有读取。删去图片和空白格式，或分成几个表格再导入。"
    )


class SheetTooMuch(SheetUnreadable):
    """Reading the file came to the end of the memory or the time that it is given."""

    code = "sheets.too_much"
    message = N_("这个表格的内容太多，没有读取。分成几个表格，每个几万行以内，另存为 xlsx 再导入。")


class SheetTooWide(SheetUnreadable):
    """A cell so far to the right that it cannot belong to a sheet of applications."""

    code = "sheets.too_wide"
    message = N_("表格里有一格远在第 {row} 行第 {column} 列，没有读取。删去多余的单元格，另存后再导入。")


class SheetKindUnknown(SheetUnreadable):
    code = "sheets.kind_unknown"
    message = N_("不认识文件类型“{suffix}”。请用 xlsx、xls 或 csv。")


class SheetKindRefused(SheetUnreadable):
    """A kind of sheet whose hidden rows and formulas we do not read: what it hides would be taken for data."""

    code = "sheets.kind_refused"
    message = N_("不能直接导入 {suffix} 表格。用 WPS 或 LibreOffice 打开，另存为 xlsx 后再导入。")


class EncodingUnknown(SheetUnreadable):
    code = "sheets.encoding_unknown"
    message = N_("这个 csv 文件既不是 UTF-8 也不是 GB 18030，第 {line} 行认不出。用表格软件打开，另存为 xlsx 再导入。")


class FileUnwritable(BanyanError):
    """A sheet that we give out cannot be put where somebody wants it."""

    code = "sheets.file_unwritable"
    message = N_("文件 {file} 写不了：{reason}。核对路径、权限和磁盘空间，或换一个位置再试。")
