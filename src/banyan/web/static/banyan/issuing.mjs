// Issuing into a token: the key is born in it, the pair is issued, written, read back and proved; then the next one.
// PINs are sealed for the token agent by the platform or typed into its window; none comes here.
import { TokenAgent, TokenAgentError } from "../vendor/banyan-token.mjs";
import { post } from "./desk.mjs";

const GONE = ["SAR_DEVICE_REMOVED", "SAR_DEVICE_NOT_EXIST", "SAR_NO_DEVICE", "SAR_INVALIDHANDLEERR"];
const ASK_CA_EVERY_MS = 400;
const ASK_CA_FOR_MS = 60_000;
const TELL_AFTER_MS = 2_500;
const BATCH = "banyan.batch";
const WRITTEN = "banyan.written";

class Refused extends Error {}

const fromBase64 = (text) => Uint8Array.from(atob(text), (one) => one.charCodeAt(0));
const toBase64 = (bytes) => btoa(String.fromCharCode(...bytes));
const wait = (ms) => new Promise((done) => setTimeout(done, ms));

const place = document.getElementById("issuing");
const words = place.dataset;
const part = (name) => document.querySelector(`[data-${name}]`);
const button = (name) => document.querySelector(`[data-do=${name}]`);
const batch = document.getElementById("batch");

let agent = null;
let plugged = [];
let chosen = null;  // the token that serves this request, by the agent's and by the platform's word
let isBusy = false;
let isDone = false;
let isWanted = false;  // somebody asked to try again, and the token is not there yet
let lookedAt = "";

// ---- what is seen ----
const card = (kind, title, serial = "", medium = "", facts = []) => {
  part("token-card").dataset.kind = kind;
  part("token-title").textContent = title;
  part("token-serial").textContent = serial;
  part("token-medium").textContent = medium;
  const list = part("token-facts");
  list.textContent = "";
  for (const fact of facts) list.append(Object.assign(document.createElement("li"), { textContent: fact }));
};
const note = (text) => {
  part("note").hidden = !text;
  part("note-text").textContent = text;
};
const trouble = (text) => {
  part("trouble").hidden = !text;
  part("trouble-text").textContent = text;
  button("retry").hidden = !text;
  if (text) { note(""); part("trouble").focus(); }
};
const mark = (code, css) => { document.querySelector(`[data-issue-step=${code}]`).className = css; };
const timed = async (code, work) => {
  const began = performance.now();
  mark(code, "now");
  try {
    const result = await work();
    mark(code, "ok");
    document.querySelector(`[data-issue-step=${code}] [data-time]`).textContent =
      words.seconds.replace("{n}", ((performance.now() - began) / 1000).toFixed(1));
    return result;
  } catch (error) {
    mark(code, "bad");
    throw error;
  }
};

// ---- the platform ----
const ask = async (url, body) => {
  const answer = await post(url, JSON.stringify(body), { "Content-Type": "application/json" });
  if (!answer) throw new Refused(words.offline);
  const told = await answer.json().catch(() => ({}));
  if (!answer.ok) throw Object.assign(new Refused(told.error ? told.error.message : words.offline), { code: told.error && told.error.code });
  return told;
};

const explain = (error) => {
  if (error instanceof Refused) return trouble(error.message);
  if (!(error instanceof TokenAgentError)) throw error;
  if (error.code === "AGENT_CLOSED") return undefined;
  if (GONE.includes(error.code)) return trouble(words.gone);
  if (error.code === "AGENT_UNREACHABLE" || error.code === "AGENT_GONE") return trouble(words.noAgent);
  return trouble(words.failed.replace("{message}", error.message));
};

// ---- which token ----
const connect = async () => {
  if (agent) agent.close();
  agent = await TokenAgent.connect({ port: Number(words.port), onPermissionPrompt: () => note(words.asking) });
  note("");
  agent.addEventListener("tokens", ({ detail }) => { plugged = detail.tokens; choose(); });
  agent.addEventListener("gone", () => { if (!isBusy) card("none", words.noAgent); });
  plugged = (await agent.list()).tokens;
  agent.watch({ everyMs: 1000 });
  await choose();
};

const choose = async () => {
  if (isBusy || isDone) return;
  const before = sessionStorage.getItem(WRITTEN);
  if (before && !plugged.some((one) => one.serial === before)) sessionStorage.removeItem(WRITTEN);
  const offered = plugged.filter((one) => one.serial !== sessionStorage.getItem(WRITTEN));
  const wanted = words.token;
  const found = wanted ? offered.filter((one) => one.serial === wanted) : offered;
  show(found.length > 1 ? found : []);
  button("start").disabled = true;
  if (!found.length) {
    lookedAt = "";
    chosen = null;
    part("token-receive").hidden = true;
    const text = sessionStorage.getItem(WRITTEN) ? words.remove : wanted ? words.otherToken.replace("{serial}", wanted) : words.noToken;
    return card("none", text);
  }
  const picked = document.querySelector("[name=token-choice]:checked");
  const one = found.length === 1 ? found[0] : found.find((each) => picked && each.serial === picked.value);
  if (!one) return card("none", words.several);
  return look(one);
};

const show = (tokens) => {
  const list = part("token-choices");
  const before = document.querySelector("[name=token-choice]:checked");
  list.hidden = !tokens.length;
  list.textContent = "";
  for (const one of tokens) {
    const label = Object.assign(document.createElement("label"), { className: "choice" });
    const input = Object.assign(document.createElement("input"), { type: "radio", name: "token-choice", value: one.serial, className: "form-check-input" });
    input.checked = Boolean(before) && before.value === one.serial;
    input.addEventListener("change", choose);
    const text = Object.assign(document.createElement("span"), { textContent: `${one.serial} · ${one.label || one.manufacturer}` });
    label.append(input, text);
    list.append(label);
  }
};

const look = async (one) => {
  const facts = [];
  if (!one.application) facts.push(words.blank);
  else facts.push(words.containers.replace("{n}", one.containers.length));
  if (one.isFirstPin) facts.push(words.firstPin);
  if (one.triesLeft !== undefined && one.triesLeft < one.mostTries) facts.push(words.tries.replace("{n}", one.triesLeft));
  if (one.error) { chosen = null; return card("bad", one.error.message, one.serial); }
  if (lookedAt === one.serial) { chosen = one; button("start").disabled = isBusy; return undefined; }
  try {
    const told = await ask(words.look, { serial: one.serial });
    lookedAt = one.serial;
    chosen = one;
    part("token-receive").hidden = true;
    card("good", `${told.medium}·${told.state}`, one.serial, told.vendor || one.manufacturer, [words.registered, ...facts]);
    trouble("");
    button("start").disabled = false;
    mark("detect", "ok");
    if (isWanted) return run();
    if (isBatch() && words.step === "issue" && !words.waiting && !one.application) return run();
  } catch (error) {
    chosen = null;
    if (!(error instanceof Refused)) throw error;
    card("bad", error.message, one.serial, one.manufacturer, facts);
    part("token-receive").hidden = error.code !== "ra.token_refused" || !one.serial;
  }
  return undefined;
};

// ---- the work ----
const askCa = async (first) => {
  const began = performance.now();
  let told = first;
  while (told.step === "issue" && told.is_waiting && performance.now() - began < ASK_CA_FOR_MS) {
    await wait(ASK_CA_EVERY_MS);
    if (performance.now() - began > TELL_AFTER_MS) note(words.waitingCa);
    told = await ask(words.state, {});
  }
  return told;
};

const run = async () => {
  if (isBusy || isDone || !chosen) return;
  isBusy = true;
  isWanted = false;
  const token = chosen;
  const name = { profile: token.profile, serial: token.serial };
  button("start").disabled = true;
  trouble("");
  note(words.writing);
  try {
    let told = await ask(words.state, {});
    if (told.step === "issue" && !told.is_waiting) {
      const request = await timed("key", async () => {
        const begun = await agent.begin(name, words.number);
        const given = await ask(words.begin, { agent: agent.keyId, ...name, nonce: toBase64(begun.nonce), is_blank: token.application ? "" : "1" });
        if (!given.sealed) note(words.pin);
        return (await agent.prepare({ ...name, container: given.container, subject: fromBase64(given.subject), sealed: given.sealed || undefined })).request;
      });
      note(words.writing);
      told = await timed("issue", async () => askCa(await ask(words.order, { serial: token.serial, request: toBase64(request) })));
    } else if (told.step === "issue") {
      told = await timed("issue", () => askCa(told));
    } else {
      mark("key", "ok");
      mark("issue", "ok");
    }
    if (told.step === "issue") {
      if (told.is_waiting) { mark("issue", "now"); return note(words.waitingCa); }
      mark("issue", "bad");
      throw new Refused(told.refusal || words.offline);
    }
    if (told.serial !== token.serial) throw new Refused(words.otherToken.replace("{serial}", told.serial));
    const proof = await timed("write", () => write(name, told.pair));
    const next = await timed("verify", () => ask(words.written, { signature: toBase64(proof.signature) }));
    done(token.serial, next.next, next.has_letter);
  } catch (error) {
    explain(error);
  } finally {
    isBusy = false;
    if (!isDone) button("start").disabled = !chosen;
  }
  return undefined;
};

const write = async (name, pair) => {
  const begun = await agent.begin(name, words.number);
  const given = await ask(words.begin, { agent: agent.keyId, ...name, nonce: toBase64(begun.nonce), is_blank: "" });
  if (!given.sealed) note(words.pin);
  const task = { ...name, container: pair.container, nonce: fromBase64(pair.nonce), sealed: given.sealed || undefined };
  const now = (await agent.list()).tokens.find((one) => one.serial === name.serial);
  const box = now && now.containers.find((one) => one.name === pair.container);
  if (box && box.state === "whole") return agent.readBack(task);  // written before, its proof was lost
  return agent.write({
    ...task, signingCertificate: fromBase64(pair.signing_certificate),
    encryptionCertificate: fromBase64(pair.encryption_certificate), envelope: fromBase64(pair.envelope),
  });
};

const done = (serial, following, hasLetter) => {
  isDone = true;
  note(words.done);
  sessionStorage.setItem(WRITTEN, serial);
  for (const one of document.querySelectorAll("[data-ask], [data-do]")) one.hidden = true;
  part("label-link").hidden = false;
  part("letter").hidden = !hasLetter;
  mark("label", "now");
  const next = part("next");
  next.hidden = false;
  next.href = following ? `${words.list}/${following}` : words.list;
  next.focus();
  if (isBatch() && following) awaitRemoval(serial, next);
};

// in a row: once the written token is taken out, the next request comes by itself
const awaitRemoval = (serial, next) => {
  note(words.remove);
  agent.addEventListener("tokens", ({ detail }) => {
    if (!detail.tokens.some((one) => one.serial === serial)) location.assign(next.href);
  });
};

// ---- batch ----
const isBatch = () => batch.checked;
batch.disabled = false;
batch.checked = sessionStorage.getItem(BATCH) === "1";
batch.addEventListener("change", () => {
  sessionStorage.setItem(BATCH, batch.checked ? "1" : "");
  if (batch.checked) { lookedAt = ""; choose(); }
});

// ---- begin ----
const start = async () => {
  trouble("");
  try {
    await connect();
    if (words.waiting) await run();
  } catch (error) {
    explain(error);
  }
};
button("start").addEventListener("click", run);
button("retry").addEventListener("click", () => {
  isWanted = true;
  lookedAt = "";
  if (chosen && agent) run();
  else start();
});
button("receive").addEventListener("click", async () => {
  const serial = part("token-serial").textContent;
  try {
    await ask(words.receive, { serial, medium: document.getElementById("medium").value });
    lookedAt = "";
    trouble("");
    await choose();
    button("start").focus();  // the button that was pressed is gone
  } catch (error) {
    explain(error);
  }
});
start();
