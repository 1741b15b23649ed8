// Log-in by certificate: find the token, let the person choose, have the challenge signed, send the answer.
// The PIN is asked by the token agent's own window and never comes here.
import { TokenAgent, TokenAgentError } from "../vendor/banyan-token.mjs";
import { readCertificate } from "./certificate_reading.mjs";

const TOKEN_GONE = ["SAR_DEVICE_REMOVED", "SAR_DEVICE_NOT_EXIST", "SAR_NO_DEVICE", "SAR_INVALIDHANDLEERR"];
const TOO_LATE_MS = 110_000;  // the server waits two minutes from the challenge on

class Refused extends Error {}

const fromBase64 = (text) => Uint8Array.from(atob(text), (one) => one.charCodeAt(0));
const toBase64 = (bytes) => btoa(String.fromCharCode(...bytes));

const section = document.getElementById("by-certificate");
if (section) start();

function start() {
  const { dataset } = section;
  const token = section.querySelector("[name=csrfmiddlewaretoken]").value;
  const choices = section.querySelector("[data-choices]");
  const chosen = () => choices.querySelector("input:checked");
  let challengedAt = performance.now();
  let isSpent = false;
  let agent = null;
  let stopWatching = null;
  let offered = new Map();

  // looking for tokens goes on where one may yet come or go
  const show = (state, isWatched = false) => {
    for (const part of section.querySelectorAll("[data-state]")) part.hidden = part.dataset.state !== state;
    const password = document.getElementById("by-password");
    if (password) password.hidden = state !== "start";
    if (!isWatched) endWatch();
  };

  const endWatch = () => {
    if (stopWatching) stopWatching();
    stopWatching = null;
  };

  const trouble = (code, told = "", isWatched = false) => {
    const parts = [...section.querySelectorAll("[data-problem]")];
    const part = parts.find((one) => one.dataset.problem === code) || parts.find((one) => one.dataset.problem === "other");
    const panel = section.querySelector("[data-state=problem]");
    const isTold = !panel.hidden && !part.hidden;
    for (const one of parts) one.hidden = one !== part;
    part.querySelector("[data-told]").textContent = told;
    show("problem", isWatched);
    if (!isTold) panel.focus();
  };

  // an error, as one of the problems that the page explains
  const explain = (error) => {
    if (error instanceof Refused) return trouble("refused", error.message);
    if (!(error instanceof TokenAgentError)) throw error;
    if (error.code === "AGENT_CLOSED") return undefined;  // by this page, which shows something else by now
    if (TOKEN_GONE.includes(error.code)) return trouble("token_gone");
    if (error.code === "SAR_PIN_INCORRECT" && error.triesLeft === 0) return trouble("SAR_PIN_LOCKED");
    if (error.code === "SAR_PIN_INCORRECT" && error.triesLeft !== undefined) {
      return trouble(error.code, error.triesLeft === 1 ? dataset.lastTry : dataset.tries.replace("{n}", error.triesLeft));
    }
    if (error.code === "AGENT_CANCELLED" && error.triesLeft === 1) return trouble(error.code, dataset.lastTry);
    const isKnown = [...section.querySelectorAll("[data-problem]")].some((one) => one.dataset.problem === error.code);
    return trouble(error.code, isKnown ? "" : dataset.shown.replace("{message}", error.message));
  };

  const post = async (url, body) => {
    let answer;
    try {
      answer = await fetch(url, {
        method: "POST", credentials: "same-origin", body: JSON.stringify(body),
        headers: { "Content-Type": "application/json", "X-CSRFToken": token },
      });
    } catch {
      throw new Refused(dataset.offline);
    }
    const told = await answer.json().catch(() => ({}));
    if (!answer.ok) throw new Refused(told.error ? told.error.message : answer.status >= 500 ? dataset.failed : dataset.stale);
    return told;
  };

  // one that came with the page is the second factor's; else each attempt has its own
  const challenge = async () => {
    if (dataset.challenge) return fromBase64(dataset.challenge);
    challengedAt = performance.now();
    return fromBase64((await post(dataset.challengeUrl, {})).challenge);
  };
  const isTooLate = () => performance.now() - challengedAt > TOO_LATE_MS;

  const look = async () => {
    show("looking");
    const asking = section.querySelector("[data-asking]");
    asking.hidden = true;
    try {
      if (agent) agent.close();
      agent = await TokenAgent.connect({ port: Number(dataset.port), onPermissionPrompt: () => { asking.hidden = false; } });
      offer((await agent.list()).tokens);
    } catch (error) {
      explain(error);
    }
  };

  const offer = (tokens) => {
    const found = tokens.flatMap((one) => one.containers.map((container) => [one, container]));
    const readable = found.map(([one, container]) => ({ one, container, read: container.signingCertificate && readCertificate(container.signingCertificate) }));
    const signing = readable.filter(({ read }) => read && read.isForSigning);
    watch();
    // once a token is plugged in the page goes on by itself
    if (!signing.some(({ read }) => isCurrent(read))) return trouble(tokens.length ? "no_certificate" : "no_token", "", true);
    const before = chosen() && chosen().value;
    offered = new Map();
    choices.textContent = "";
    for (const each of signing) choices.append(choice(each));
    const all = [...choices.querySelectorAll("input:not(:disabled)")];
    (all.find((one) => one.value === before) || all[0]).checked = true;
    show("choosing", true);
    if (!choices.contains(document.activeElement) && document.activeElement.tagName !== "BUTTON") chosen().focus();
    return undefined;
  };

  // tokens that come and go change the list
  const watch = () => {
    if (stopWatching) return;
    const follow = (event) => offer(event.detail.tokens);
    const leave = (event) => explain(event.detail);
    agent.addEventListener("tokens", follow);
    agent.addEventListener("gone", leave);
    const stop = agent.watch();
    stopWatching = () => {
      stop();
      agent.removeEventListener("tokens", follow);
      agent.removeEventListener("gone", leave);
    };
  };

  const isCurrent = (read) => read.notBefore <= new Date() && new Date() <= read.notAfter;

  const choice = ({ one, container, read }) => {
    const key = `${one.profile} ${one.serial} ${container.name}`;
    offered.set(key, { profile: one.profile, serial: one.serial, container: container.name });
    const label = document.createElement("label");
    label.className = "choice";
    const input = Object.assign(document.createElement("input"), { type: "radio", name: "certificate", value: key });
    input.className = "form-check-input";
    input.disabled = !isCurrent(read);
    const day = new Intl.DateTimeFormat("sv-SE", { timeZone: "Asia/Shanghai" }).format(read.notAfter);
    const until = isCurrent(read) ? dataset.until.replace("{date}", day)
      : read.notAfter < new Date() ? `${dataset.ended} ${day}` : dataset.notYet;
    const words = document.createElement("span");
    for (const [name, text] of [["choice-holder", read.holder], ["", dataset.issuer.replace("{issuer}", read.issuer)],
      ["num", until], ["t-id", `${one.label || one.manufacturer} ${one.serial}`.trim()]]) {
      words.append(Object.assign(document.createElement("span"), { className: name, textContent: text }));
    }
    label.append(input, words);
    return label;
  };

  const logIn = async () => {
    const key = offered.get(chosen().value);
    show("signing");
    try {
      const given = await challenge();
      if (isTooLate()) return trouble("expired");
      const { signature, signingCertificate } = await agent.signLogin({ ...key, challenge: given });
      if (isTooLate()) return trouble("expired");
      show("checking");
      isSpent = true;
      const told = await post(dataset.answerUrl + location.search, {
        challenge: toBase64(given), signature: toBase64(signature), certificate: toBase64(signingCertificate),
      });
      location.replace(told.next);
    } catch (error) {
      explain(error);
    }
    return undefined;
  };

  // the issuer's PIN signs nothing: the holder chooses his own in the agent's window, then goes on
  const changePin = async () => {
    const { profile, serial } = offered.get(chosen().value);
    show("signing");
    try {
      await agent.changePin({ profile, serial });
    } catch (error) {
      return explain(error);
    }
    return logIn();
  };

  section.addEventListener("click", (event) => {
    const button = event.target.closest("[data-do]");
    if (!button) return;
    if (button.dataset.do === "back") return show("start");
    if (button.dataset.do === "cancel") {
      agent.close();  // and with it its window
      return dataset.challenge ? look() : show("start");
    }
    if (button.dataset.do === "change-pin") return changePin();
    // what came with the page is good once and for two minutes: after that it is the password's turn again
    if (dataset.challenge && (isSpent || isTooLate())) return location.assign(location.href);
    look();
  });
  section.querySelector("form[data-state=choosing]").addEventListener("submit", (event) => {
    event.preventDefault();
    logIn();
  });
  if (dataset.challenge) look();
}
