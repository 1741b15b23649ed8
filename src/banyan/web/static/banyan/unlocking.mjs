// Unlocking: find the request's own token, have it ask, carry the platform's sealed answer to it, note that it took it.
// The new PIN is chosen in the token agent's own window and never comes here; the answer cannot be read here either.
import { TokenAgent, TokenAgentError } from "../vendor/banyan-token.mjs";

class Refused extends Error {}

const place = document.getElementById("unlocking");
if (place) start();

function start() {
  const { dataset } = place;
  const buttons = (name) => document.querySelector(`[data-do=${name}]`);
  const steps = [...place.querySelectorAll("[data-step]")];
  const kept = `unlocking ${dataset.number}`;
  let agent = null;
  let token = null;
  let isTaken = false;  // the token took the answer: only the noting is left
  let isWorking = false;

  const show = (state, told = "") => {
    for (const part of place.querySelectorAll("[data-state]")) part.hidden = part.dataset.state !== state;
    const panel = place.querySelector(`[data-state=${state}]`);
    const words = panel.querySelector("[data-told]");
    if (words) words.textContent = told;
    buttons("begin").disabled = state !== "ready";
    buttons("begin").hidden = state === "done" || state === "problem";
    buttons("again").hidden = state !== "problem";
    buttons("next").hidden = state !== "done";
    return panel;
  };

  const mark = (name, css) => {
    const line = steps.find((one) => one.dataset.step === name);
    line.className = css;
    if (css === "now") line.setAttribute("aria-current", "step"); else line.removeAttribute("aria-current");
  };
  const reset = () => { for (const one of steps) mark(one.dataset.step, "wait"); };

  // one step of the list, with the time it took
  const timed = async (name, work) => {
    mark(name, "now");
    const began = performance.now();
    try {
      const result = await work();
      mark(name, "ok");
      steps.find((one) => one.dataset.step === name).lastElementChild.textContent =
        dataset.seconds.replace("{n}", ((performance.now() - began) / 1000).toFixed(1));
      return result;
    } catch (error) {
      mark(name, "bad");
      throw error;
    }
  };

  const explain = (error) => {
    if (!(error instanceof TokenAgentError) && !(error instanceof Refused)) throw error;
    if (error.code === "AGENT_CLOSED") return;
    const known = place.querySelector(`[data-problem="${error.code}"]`);
    const panel = show("problem", known ? "" : error.message);
    for (const one of panel.querySelectorAll("[data-problem]")) one.hidden = one !== known;
    panel.focus();
  };

  const post = async (url, body) => {
    let answer;
    try {
      answer = await fetch(url, {
        method: "POST", credentials: "same-origin", body: JSON.stringify(body),
        headers: {
          "Content-Type": "application/json", "X-Banyan-Script": "1",
          "X-CSRFToken": place.querySelector("[name=csrfmiddlewaretoken]").value,
        },
      });
    } catch {
      throw new Refused(dataset.offline);
    }
    if (answer.status === 401) throw new Refused(dataset.ended);
    const told = await answer.json().catch(() => ({}));
    if (!answer.ok) throw new Refused(told.error ? told.error.message : dataset.failed);
    return told;
  };

  const toBase64 = (bytes) => btoa(String.fromCharCode(...bytes));

  const look = async () => {
    reset();
    mark("find", "now");
    show("looking");
    const asking = place.querySelector("[data-asking]");
    try {
      if (agent) agent.close();
      agent = await TokenAgent.connect({ port: Number(dataset.port), onPermissionPrompt: () => { asking.hidden = false; } });
      asking.hidden = true;
      agent.addEventListener("tokens", (event) => offer(event.detail.tokens));
      agent.addEventListener("gone", (event) => { if (!isWorking) explain(event.detail); });
      agent.watch();
      offer((await agent.list()).tokens);
    } catch (error) {
      mark("find", "bad");
      explain(error);
    }
  };

  // the page goes on by itself once the right token is plugged in
  const offer = (tokens) => {
    if (isWorking || isTaken) return;
    token = tokens.find((one) => one.serial.toUpperCase() === dataset.serial.toUpperCase()) || null;
    mark("find", token ? "ok" : "now");
    if (token) { show("ready"); return; }
    const others = tokens.map((one) => one.serial).join("、");
    show("missing", others ? dataset.others.replace("{serial}", others) : "");
  };

  const unlock = async () => {
    if (isWorking) return;
    isWorking = true;
    show("working");
    try {
      if (!isTaken) await answer();
      isTaken = true;
      await timed("note", () => post(dataset.doneUrl, {}));
      show("done");
      buttons("next").focus();
      agent.close();
    } catch (error) {
      explain(error);
    } finally {
      isWorking = false;
    }
  };

  // The platform answers one question of a token, once or again. The token keeps its question until an answer reaches it, so
  // after a window that was closed the same question is answered anew; a new one would need a new request.
  const ask = async () => {
    const { profile, serial } = token;
    const before = sessionStorage.getItem(kept);
    const begun = await agent.begin({ profile, serial }, dataset.number, { unblock: !before });
    const question = before || begun.unblockRequest;
    sessionStorage.setItem(kept, question);
    return { nonce: begun.nonce, question };
  };

  const answer = async () => {
    const { profile, serial } = token;
    const asked = await timed("ask", ask);
    const { sealed } = await timed("answer", () => post(dataset.answerUrl, {
      agent: agent.keyId, profile, nonce: toBase64(asked.nonce), challenge: asked.question,
    }));
    await timed("write", () => agent.unblock({ profile, serial, sealed }));
    sessionStorage.removeItem(kept);
  };

  buttons("begin").addEventListener("click", unlock);
  buttons("again").addEventListener("click", () => (isTaken ? unlock() : look()));
  look();
}
