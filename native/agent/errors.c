#include "errors.h"

#include <stddef.h>

static const struct error {
    uint32_t code;
    const char *name, *message;
} ERRORS[] = {
#define SAR(name, message) {SAR_##name, "SAR_" #name, message}
#define OWN(name, message) {AGENT_##name, "AGENT_" #name, message}
    SAR(OK, "成功。"),
    SAR(FAIL, "介质操作失败。请拔插介质后重试。"),
    SAR(NOTSUPPORTYETERR, "这种介质不支持该操作。请联系发证机构。"),
    SAR(FILEERR, "介质中的文件有误。请联系发证机构。"),
    SAR(INVALIDHANDLEERR, "介质连接已失效。请拔插介质后重试。"),
    SAR(INVALIDPARAMERR, "介质驱动不接受给出的参数。请核对后重试。"),
    SAR(READFILEERR, "读取介质失败。请拔插介质后重试。"),
    SAR(WRITEFILEERR, "写入介质失败，磁盘可能已满。请腾出空间后重试。"),
    SAR(NAMELENERR, "名称过长。请缩短后重试。"),
    SAR(OBJERR, "介质中已有同名的密钥，不会覆盖。请换一个容器。"),
    SAR(MEMORYERR, "内存不足。请关闭其他程序后重试。"),
    SAR(TIMEOUTERR, "介质长时间没有应答，操作已中止。请拔插介质后重试。"),
    SAR(INDATALENERR, "数据长度不对。请重新获取后重试。"),
    SAR(INDATAERR, "数据与介质不符或已损坏。请重新获取后重试。"),
    SAR(DECRYPTPADERR, "解密失败，数据已损坏或不是给这枚证书的。"),
    SAR(KEYNOTFOUNTERR, "介质中没有所需的密钥。请确认插入的是正确的介质。"),
    SAR(CERTNOTFOUNTERR, "介质中没有证书。请先完成制证。"),
    SAR(BUFFER_TOO_SMALL, "介质返回的数据过大。请联系发证机构。"),
    SAR(DEVICE_REMOVED, "没有找到这枚介质，可能已被拔出。请插好介质后重试。"),
    SAR(PIN_INCORRECT, "PIN 不正确。请核对后重试，次数用尽介质将锁定。"),
    SAR(PIN_LOCKED, "PIN 已锁定。请到发证机构办理解锁。"),
    SAR(PIN_INVALID, "PIN 过于简单或含有不允许的字符。请换一个。"),
    SAR(PIN_LEN_RANGE, "PIN 长度应为 6 至 16 位。请重新输入。"),
    SAR(USER_PIN_NOT_INITIALIZED, "介质的 PIN 尚未设置。请到发证机构办理。"),
    SAR(USER_TYPE_INVALID, "介质驱动不认识该用户类型。请联系发证机构。"),
    SAR(APPLICATION_EXISTS, "介质中已有该应用。"),
    SAR(USER_NOT_LOGGED_IN, "尚未验证 PIN。请重试。"),
    SAR(APPLICATION_NOT_EXISTS, "介质尚未初始化。请到发证机构办理。"),
    SAR(NO_ROOM, "介质空间不足。请联系发证机构清理。"),
    SAR(REACH_MAX_CONTAINER_COUNT, "介质中的容器已满。请联系发证机构清理。"),
    OWN(MALFORMED, "网页发来的消息格式有误。请刷新页面后重试。"),
    OWN(TOO_LARGE, "网页发来的消息过大。请减小数据后重试。"),
    OWN(VERSION, "网页与本机介质助手的版本不一致。请升级介质助手。"),
    OWN(TYPE_UNKNOWN, "本机介质助手不认识该请求。请升级介质助手。"),
    OWN(SESSION, "会话无效或已结束。请刷新页面后重试。"),
    OWN(REPLAYED, "收到重复的消息，没有执行。请刷新页面后重试。"),
    OWN(CANCELLED, "您已取消操作，或窗口等待超时。需要时请重新发起。"),
    OWN(WINDOW, "无法打开 PIN 输入窗口。请安装 pinentry 或检查设置。"),
    OWN(BUSY, "另有操作正在进行。请先完成打开的窗口，再重试。"),
    OWN(TASK, "平台的密封数据不是给本机、这枚介质和本次任务的，或已过期、已使用。请核对本机时间后重新发起任务。"),
    OWN(PROFILE, "没有该厂商的介质配置。请安装厂商驱动并填写配置。"),
    OWN(LIBRARY, "厂商的介质驱动无法加载。请安装或修复驱动。"),
    OWN(DIED, "厂商的介质驱动异常退出。请拔插介质后重试。"),
    OWN(FIRST_PIN, "介质仍在使用初始 PIN，不能签名或解密。请先修改为您自己的 PIN。"),
    OWN(MISMATCH, "证书、密钥与信封不是一套。请核对任务后重新制证。"),
};

static const struct error *find(uint32_t code) {
    for (size_t i = 0; i < sizeof ERRORS / sizeof *ERRORS; i++)
        if (ERRORS[i].code == code) return &ERRORS[i];
    return NULL;
}

const char *error_name(uint32_t code) {
    const struct error *found = find(code);
    return found ? found->name : "SAR_UNKNOWNERR";
}

const char *error_message(uint32_t code) {
    const struct error *found = find(code);
    return found ? found->message : "介质返回了未知错误。请拔插介质后重试，仍不行请联系发证机构。";
}
