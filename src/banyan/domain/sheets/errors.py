"""What can be wrong with a sheet as a whole, and with one cell of it."""

from banyan.kernel.errors import N_, BanyanError


class SheetError(BanyanError):
    """Base of what is wrong with a whole sheet; nothing of it was taken."""

    code = "sheets.refused"
    message = N_("这个表格没有导入。")


class HeaderMissing(SheetError):
    code = "sheets.header_missing"
    message = N_("前 {rows} 行里没有找到表头。表头至少要有：{columns}。下载模板，把数据粘贴到模板里再导入。")


class ColumnMissing(SheetError):
    code = "sheets.column_missing"
    message = N_("表头（第 {row} 行）缺少：{columns}。补上这些列再导入，列的顺序不限。")


class ColumnUnknown(SheetError):
    code = "sheets.column_unknown"
    message = N_("表头（第 {row} 行）有不认识的列：{columns}。改成模板里的名称，或删去这些列再导入。")


class ColumnTwice(SheetError):
    code = "sheets.column_twice"
    message = N_("表头（第 {row} 行）的“{column}”出现了两次。留下一列再导入。")


class SheetEmpty(SheetError):
    code = "sheets.empty"
    message = N_("表头下面没有数据。")


class CellFault(BanyanError):
    """Base of what is wrong with one cell; told with row, column and masked value, never stops the other rows."""

    code = "sheets.cell"
    message = N_("这一格不对。")


class CellEmpty(CellFault):
    code = "sheets.cell_empty"
    message = N_("没有填写。填好这一格再导入。")


class CellIsFormula(CellFault):
    code = "sheets.cell_is_formula"
    message = N_("这一格是公式。复制后选“粘贴为数值”，再导入。")


class CellIsMerged(CellFault):
    code = "sheets.cell_is_merged"
    message = N_("这一格在合并单元格里。取消合并，每行都填上，再导入。")


class CellIsNumber(CellFault):
    code = "sheets.cell_is_number"
    message = N_("长号码存成了数字，末几位已经丢失。把这一列设为“文本”格式，照原件重新输入。")


class CellIsDate(CellFault):
    code = "sheets.cell_is_date"
    message = N_("这一格存成了日期，原来填的文字已经变了。把这一列设为“文本”格式，照原件重新输入，再导入。")


class CellIsBroken(CellFault):
    code = "sheets.cell_is_broken"
    message = N_("这一格的内容读不出来。重新输入这一格，再导入。")


class CellNotInteger(CellFault):
    code = "sheets.cell_not_integer"
    message = N_("这里要填整数。")


class RowHidden(CellFault):
    code = "sheets.row_hidden"
    message = N_("这一行被隐藏了，没有导入。取消隐藏，核对后再导入；不要的行请删除。")


class CellHidden(CellFault):
    code = "sheets.cell_hidden"
    message = N_(
        "这一格在隐藏的列（{column} 列）里，有内容却看不见，这一行没有导入。取消隐藏，核对后再导入；用不到的内容请删除。"
    )


class RowRepeated(CellFault):
    code = "sheets.row_repeated"
    message = N_("与第 {row} 行重复：同一持有人、同一系统、同一种证书。删去一行。")


class RowIsExample(CellFault):
    code = "sheets.row_is_example"
    message = N_("这一行还是模板里的示例，没有导入。删去这一行，或换成真实的内容再导入。")


class CellIsExample(CellFault):
    code = "sheets.cell_is_example"
    message = N_("这里还是模板示例里的号码。换成真实的号码再导入。")


class RowNotice(BanyanError):
    """Base of what a person should look at in a row that was taken all the same."""

    code = "sheets.notice"
    message = N_("已导入，请核对这一行。")


class HolderHasPairs(RowNotice):
    """The duplicate-holder warning (规范 3.3.1.2(2)): number, kind and system, as much as everybody may know."""

    code = "sheets.holder_has_pairs"
    message = N_("已导入。持有人已有 {count} 对有效的{kind}（{systems}），请核对是否重复办理。")


class CellUnused(RowNotice):
    code = "sheets.cell_unused"
    message = N_("已导入。{system}的{kind}用不到这一列，没有采用。请核对证书种类和签发系统有没有选错。")


class RequestOpen(CellFault):
    code = "sheets.request_open"
    message = N_("持有人已有同样的在办申请 {number}，没有再建。等它办结，或先撤回它。")


class ImportBusy(SheetError):
    """Two at once carry the same sheet on."""

    code = "sheets.import_busy"
    message = N_("这份表正在另一处导入。稍后刷新查看进度。")
