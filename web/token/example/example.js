// Every message of the token agent, through @banyan/token. Copy what you need.
"use strict";
(() => {
  const { TokenAgent, TokenAgentError, localNetworkPermission } = BanyanToken;
  const byId = (id) => document.getElementById(id);
  const asked = new URLSearchParams(location.search);
  const port = Number(asked.get("port")) || undefined;
  const transport = asked.get("transport") || "auto";
  const timeoutMs = Number(asked.get("timeout")) || undefined;
  let agent = null;
  let chosen = null;

  // ---- Words: the page is written in Chinese, data-en holds the English
  const WORDS = {
    away: ["未连接", "Not connected"],
    connecting: ["正在连接", "Connecting"],
    here: ["已连接", "Connected"],
    asking: [
      "浏览器正在地址栏下方询问是否允许本站访问设备上的应用，请选择“允许”。",
      "The browser asks below the address whether this site may reach apps on this device. Choose “Allow”.",
    ],
    identity: ["版本 $1，密钥标识 $2", "Version $1, key $2"],
    tries: ["还可试 $1 次", "$1 tries left"],
    first: ["初始 PIN 未改", "First PIN not changed"],
    noKey: ["没有密钥", "No key"],
    empty: ["空", "Empty"],
    key: ["待写证书", "Waits for certificates"],
    partial: ["未写完", "Not finished"],
    whole: ["可用", "Ready"],
    recovered: ["恢复的旧密钥", "Recovered old key"],
    arrived: ["已插入 $1", "$1 plugged in"],
    left: ["已拔出 $1", "$1 pulled out"],
    choose: ["请先选择介质。", "Choose a token first."],
    badBase64: ["“$1”不是 Base64。", "“$1” is not Base64."],
    working: ["请在介质助手的窗口中继续。", "Go on in the token agent's window."],
    done: ["完成", "Done"],
    valid: ["签名有效", "The signature is good"],
    notValid: ["签名无效", "The signature is not good"],
    signature: ["签名", "Signature"],
    certificate: ["签名证书", "Signing certificate"],
    encryption: ["加密证书", "Encryption certificate"],
    request: ["证书申请", "Request"],
    publicKey: ["公钥", "Public key"],
    nonce: ["随机数", "Nonce"],
    unblockRequest: ["解锁请求", "Unblock request"],
    data: ["内容", "Data"],
    serial: ["介质", "Token"],
  };
  const isEnglish = () => document.documentElement.lang === "en";
  const say = (word, ...values) => WORDS[word][isEnglish() ? 1 : 0].replace(/\$(\d)/g, (_, at) => values[at - 1]);
  const turnInto = (language) => {
    document.documentElement.lang = language;
    for (const part of document.querySelectorAll("[data-en]")) {
      if (part.dataset.zh === undefined) part.dataset.zh = part.textContent;
      part.textContent = isEnglish() ? part.dataset.en : part.dataset.zh;
    }
    document.title = isEnglish() ? "Tokens · Banyan" : "介质示例 · 榕证";
    byId("language").textContent = isEnglish() ? "中文" : "English";
    byId("language").lang = isEnglish() ? "zh-CN" : "en";
  };

  // ---- Small parts
  const make = (tag, className, text) => {
    const made = document.createElement(tag);
    made.className = className;
    if (text !== undefined) made.textContent = text;
    return made;
  };
  const icon = (name) => {
    const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
    const use = document.createElementNS("http://www.w3.org/2000/svg", "use");
    svg.setAttribute("class", "ic");
    svg.setAttribute("aria-hidden", "true");
    use.setAttribute("href", `icons.svg#tabler-${name}`);
    svg.append(use);
    return svg;
  };
  const status = (css, name, text) => {
    const made = make("span", `st ${css}`);
    made.append(icon(name), text);
    return made;
  };
  const toBase64 = (octets) => {
    let text = "";
    for (const octet of octets) text += String.fromCharCode(octet);
    return btoa(text);
  };
  const octetsOf = (id) => {
    try {
      return Uint8Array.from(atob(byId(id).value.trim()), (sign) => sign.charCodeAt(0));
    } catch {
      byId(id).focus();
      throw new RangeError(say("badBase64", document.querySelector(`label[for="${id}"]`).textContent));
    }
  };
  const textOf = (id) => byId(id).value.trim();

  // ---- The connection
  const showState = (word) => {
    const [css, name] = { away: ["st-returned", "circle-x"], connecting: ["st-enter", "clock"], here: ["st-done", "circle-check"] }[word];
    const made = status(css, name, say(word));
    byId("state").className = made.className;
    byId("state").replaceChildren(...made.childNodes);
    byId("connect").hidden = word === "here";
    byId("connect").disabled = word === "connecting";
    byId("identity").hidden = byId("tokens").hidden = word !== "here";
  };
  const showHint = (text) => {
    byId("hint").hidden = !text;
    byId("hint").lastElementChild.textContent = text;
  };
  const showTrouble = (error) => {
    byId("trouble").hidden = !error;
    byId("trouble-text").textContent = error ? error.message : "";
    byId("trouble-code").textContent = error ? error.code || error.name : "";
    byId("secure").hidden = !error || error.code !== "AGENT_INSECURE_PAGE";
    byId("secure").href = location.href.replace(/^http:/, "https:");
  };

  async function connect() {
    showTrouble(null);
    showState("connecting");
    if (agent) agent.close();
    try {
      agent = await TokenAgent.connect({ port, transport, timeoutMs, onPermissionPrompt: () => showHint(say("asking")) });
      agent.addEventListener("tokens", ({ detail }) => showTokens(detail));
      agent.addEventListener("gone", ({ detail }) => { showState("away"); showTrouble(detail); });
      agent.addEventListener("back", () => { showState("here"); showTrouble(null); });
      agent.addEventListener("answer", ({ detail }) => note(detail));
      agent.watch();
      byId("identity").textContent = say("identity", agent.version, agent.keyId);
      showState("here");
    } catch (error) {
      showState("away");
      showTrouble(error);
      if (error.code === "AGENT_PERMISSION_UNANSWERED") connectWhenAllowed();
    } finally {
      showHint("");
    }
  }

  async function connectWhenAllowed() {
    const permission = await localNetworkPermission();
    permission.onchange = () => {
      permission.onchange = null;
      if (permission.state === "granted") connect();
    };
  }

  // ---- Tokens and keys
  function showTokens({ tokens, faults, arrived, left }) {
    const names = (some) => some.map((token) => token.label || token.serial).join("、");
    if (arrived.length) byId("news").textContent = say("arrived", names(arrived));
    if (left.length) byId("news").textContent = say("left", names(left));
    byId("count").textContent = tokens.length;
    byId("empty").hidden = tokens.length + faults.length > 0;
    const focused = document.activeElement && document.activeElement.id;
    const legend = byId("keys").firstElementChild;
    byId("keys").replaceChildren(legend, ...tokens.map(tokenPart), ...faults.map(faultPart));
    if (focused && focused.startsWith("key ") && byId(focused)) byId(focused).focus();
    const still = byId("keys").querySelector("input:checked") || byId("keys").querySelector("input");
    if (still) still.click();
    else chosen = null;
  }

  function tokenPart(token) {
    const part = make("div", "token");
    const head = make("div", "bar");
    head.append(icon("device-usb"), make("b", "", token.label || token.serial));
    if (token.label && token.label !== token.serial) head.append(make("span", "t-id muted", token.serial));
    if (token.triesLeft !== undefined && token.triesLeft < token.mostTries) {
      head.append(status("st-expiring", "alert-triangle", say("tries", token.triesLeft)));
    }
    if (token.isFirstPin) head.append(status("st-enter", "key", say("first")));
    part.append(head);
    if (token.error) part.append(troublePart(token.error));
    const boxes = token.containers.length ? token.containers : [{ name: "", state: "empty" }];
    part.append(...boxes.map((box) => keyPart(token, box)));
    return part;
  }

  function keyPart(token, { name, state, signingCertificate }) {
    const part = make("div", "key");
    const input = make("input", "form-check-input");
    const label = make("label", "form-check-label", name || say("noKey"));
    const [css, sign] = { whole: ["st-done", "circle-check"], partial: ["st-returned", "alert-triangle"] }[state] || ["st-enter", "key"];
    input.type = "radio";
    input.name = "key";
    input.id = label.htmlFor = `key ${token.profile} ${token.serial} ${name}`;
    input.checked = Boolean(chosen) && chosen.id === input.id;
    input.addEventListener("click", () => {
      chosen = { id: input.id, token: { profile: token.profile, serial: token.serial }, container: name, signingCertificate };
    });
    part.append(input, label, status(css, sign, say(state)));
    return part;
  }

  function faultPart({ profile, error }) {
    const part = make("div", "token");
    part.append(make("b", "", profile), troublePart(error));
    return part;
  }

  function troublePart(error) {
    const part = make("div", "note note-bad");
    const text = make("span", "", `${error.message} `);
    const tries = error.triesLeft === undefined ? "" : ` ${say("tries", error.triesLeft)}`;
    text.append(make("small", "t-id", `${error.code || ""}${tries}`));
    part.append(icon("alert-triangle"), text);
    return part;
  }

  // ---- Tasks: each gives what is to be shown, as pairs of a word and a value
  const key = () => ({ ...chosen.token, container: chosen.container });
  const sealedOf = (task) => (textOf(`${task}-sealed`) ? { sealed: textOf(`${task}-sealed`) } : {});
  const remember = (text, { signature, signingCertificate }) => {
    byId("verify-data").value = text;
    byId("verify-signature").value = toBase64(signature);
    byId("verify-certificate").value = toBase64(signingCertificate);
  };
  const signed = ({ signature, signingCertificate }) => [["signature", signature], ["certificate", signingCertificate]];
  const readBack = ({ serial, signature, signingCertificate, encryptionCertificate }) => [
    ["serial", serial], ["signature", signature], ["certificate", signingCertificate], ["encryption", encryptionCertificate],
  ];
  const TASKS = {
    async sign() {
      const text = byId("sign-text").value;
      const answer = await agent.sign({ ...key(), text });
      remember(text, answer);
      return signed(answer);
    },
    async sign_data() {
      const [file] = byId("sign_data-file").files;
      const data = new Uint8Array(await file.arrayBuffer());
      return signed(await agent.sign({ ...key(), data, title: file.name }));
    },
    async login() {
      return signed(await agent.signLogin({ ...key(), challenge: octetsOf("login-challenge") }));
    },
    async verify() {
      const isValid = await agent.verify({
        data: new TextEncoder().encode(byId("verify-data").value),
        signature: octetsOf("verify-signature"),
        certificate: octetsOf("verify-certificate"),
      });
      return [[isValid ? "valid" : "notValid", ""]];
    },
    async open() {
      const data = await agent.open({
        ...key(), wrappedKey: octetsOf("open-key"), iv: octetsOf("open-iv"), data: octetsOf("open-data"),
      });
      return [["data", new TextDecoder().decode(data)]];
    },
    async begin() {
      const begun = await agent.begin(chosen.token, textOf("begin-task"), { unblock: byId("begin-unblock").checked });
      return [["nonce", begun.nonce], ...(begun.unblockRequest ? [["unblockRequest", begun.unblockRequest]] : [])];
    },
    async prepare() {
      const made = await agent.prepare({
        ...chosen.token, container: textOf("prepare-container"), subject: octetsOf("prepare-subject"), ...sealedOf("prepare"),
      });
      return [["request", made.request], ["publicKey", made.publicKey]];
    },
    async write() {
      return readBack(await agent.write({
        ...chosen.token,
        container: textOf("write-container"),
        signingCertificate: octetsOf("write-signing"),
        encryptionCertificate: octetsOf("write-encryption"),
        envelope: octetsOf("write-envelope"),
        nonce: octetsOf("write-nonce"),
        ...sealedOf("write"),
      }));
    },
    async read_back() {
      return readBack(await agent.readBack({ ...key(), nonce: octetsOf("read_back-nonce"), ...sealedOf("read_back") }));
    },
    async change_pin() {
      await agent.changePin({ ...chosen.token, ...sealedOf("change_pin") });
      return [["done", ""]];
    },
    async unblock() {
      await agent.unblock({ ...chosen.token, sealed: textOf("unblock-sealed") });
      return [["done", ""]];
    },
  };

  async function carryOut(form) {
    const task = form.dataset.task;
    const outcome = form.querySelector(".outcome");
    const button = form.querySelector("button");
    const note = make("div", "note");
    note.append(icon("clock"), make("span", "", say("working")));
    outcome.replaceChildren(note);
    button.disabled = true;
    try {
      if (!agent || (!chosen && task !== "verify")) throw new RangeError(say("choose"));
      outcome.replaceChildren(listOf(await TASKS[task]()));
    } catch (error) {
      if (!(error instanceof TokenAgentError || error instanceof RangeError)) throw error;
      outcome.replaceChildren(troublePart(error));
    } finally {
      button.disabled = false;
    }
  }

  function listOf(pairs) {
    const list = make("dl", "");
    for (const [word, value] of pairs) {
      const shown = make("dd", "", value instanceof Uint8Array ? toBase64(value) : value);
      shown.dataset.word = word;
      list.append(make("dt", "", say(word)), shown);
    }
    return list;
  }

  function note({ type, totalMs, libraryMs, windowMs }) {
    if (type === "list") return; // asked every two seconds
    const row = make("tr", "");
    row.append(make("td", "t-id", type), ...[totalMs, libraryMs, windowMs].map((ms) => make("td", "t-num", ms.toFixed(1))));
    byId("log").prepend(row);
  }

  // ---- Start
  byId("language").addEventListener("click", () => {
    const url = new URL(location.href);
    url.searchParams.set("lang", isEnglish() ? "zh-CN" : "en");
    location.assign(url);
  });
  byId("connect").addEventListener("click", connect);
  for (const form of document.forms) {
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      carryOut(form);
    });
  }
  turnInto(asked.get("lang") === "en" ? "en" : "zh-CN");
  connect();
})();
