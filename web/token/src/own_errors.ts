import { TokenAgentError } from "./errors.js";

type Text = readonly [chinese: string, english: string];

const TEXTS = {
  AGENT_UNREACHABLE: [
    "没有连上本机的介质助手。请确认已安装并已启动介质助手；刚安装的，请重启浏览器后再试。",
    "The token agent on this computer did not answer. Install or start it, then try again; after installing it, restart the browser.",
  ],
  AGENT_PERMISSION_DENIED: [
    "浏览器不允许本站访问本机的介质助手。请点击地址栏左侧的图标，在网站设置中允许“设备上的应用”，然后刷新页面。",
    "The browser does not let this site reach the token agent. Click the icon left of the address, allow “Apps on device” in the site settings, then reload the page.",
  ],
  AGENT_PERMISSION_UNANSWERED: [
    "浏览器正在询问是否允许本站访问本机的介质助手，还没有得到回答。请在地址栏下方的提问中选择“允许”，然后重试。",
    "The browser asks whether this site may reach the token agent, and has no answer yet. Choose “Allow” in the question below the address, then try again.",
  ],
  AGENT_INSECURE_PAGE: [
    "本页没有用 https 打开，浏览器不允许它使用介质。请改用以 https:// 开头的网址打开本站。",
    "This page was not opened with https, and the browser does not let it use tokens. Open the site at its https:// address.",
  ],
  AGENT_PAGE_POLICY: [
    "本站的安全策略没有允许连接本机的介质助手。请联系网站管理员，在 connect-src 中加入介质助手的地址。",
    "This site's content security policy does not allow the token agent. Ask its administrator to add the agent's address to connect-src.",
  ],
  AGENT_ORIGIN_REFUSED: [
    "本机的介质助手已启动，但没有允许本站使用。请联系网站管理员把本站加入介质助手的设置。",
    "The token agent is running, but does not serve this site. Ask the site's administrator to add it to the agent's settings.",
  ],
  AGENT_VERSION: [
    "本机的介质助手与本页的版本不一致。请升级介质助手，然后刷新页面。",
    "The token agent's version does not fit this page. Update the agent, then reload the page.",
  ],
  AGENT_GONE: [
    "本机的介质助手已停止，没有执行该操作。请启动介质助手后重试。",
    "The token agent has stopped; nothing was done. Start it, then try again.",
  ],
  AGENT_TOO_LARGE: [
    "要处理的数据过大。请减小数据后重试。",
    "There is too much data. Reduce it, then try again.",
  ],
  AGENT_CLOSED: [
    "与介质助手的连接已由本页关闭。请重新连接。",
    "This page closed its connection to the token agent. Connect again.",
  ],
} as const;

const GONE_IN_THE_MIDDLE: Text = [
  "与本机介质助手的连接中断，刚才的操作可能已经执行，也可能没有。请确认介质助手已启动，核对结果后再决定是否重试。",
  "The token agent went away; what was asked may or may not have been done. Start the agent, and check before you try again.",
];

export type OwnCode = keyof typeof TEXTS;

/** An error of this library, in the page's language. */
export function ownError(code: OwnCode): TokenAgentError {
  return new TokenAgentError(code, inLanguage(TEXTS[code]));
}

/** The agent went away while it was asked for something that is not only looking. */
export function goneInTheMiddle(): TokenAgentError {
  return new TokenAgentError("AGENT_GONE", inLanguage(GONE_IN_THE_MIDDLE), { mayHaveBeenDone: true });
}

/** The page says what it is written in; what is not English is served in Chinese, as the agent does. */
function inLanguage([chinese, english]: Text): string {
  return document.documentElement.lang.toLowerCase().startsWith("en") ? english : chinese;
}
