// The counter's keys, forms that are sent once and lose nothing, and who else is at a request. Pages work without it.
//
// data-key="F8" on a button or link: that key presses it. data-key-anywhere: also while a field has the focus.
// form[data-draft="name"]: what is typed is kept on the server, and given back when the page is opened again.
// [data-here="/desk/here/7"][data-version]: says who else has the request open, and when it changed meanwhile.
// dialog.ask opened by [data-ask="id"].
const HEADERS = { "X-Banyan-Script": "1" };
const DRAFT_AFTER_MS = 1200;
const HERE_EVERY_MS = 60_000;

const csrf = () => {
  const field = document.querySelector("[name=csrfmiddlewaretoken]");
  return field ? field.value : "";
};

const ended = document.getElementById("ended");

// POST by script; null when the log-in has ended (which the page tells) or nobody answers.
export async function post(url, body, headers = {}) {
  let answer;
  try {
    answer = await fetch(url, {
      method: "POST", credentials: "same-origin", body, keepalive: true,
      headers: { ...HEADERS, "X-CSRFToken": csrf(), ...headers },
    });
  } catch {
    return null;
  }
  if (answer.status === 401 && ended && !ended.open) ended.showModal();
  return answer;
}

export function toast(text) {
  const place = document.getElementById("toasts");
  const line = document.createElement("div");
  line.className = "toast-by";
  line.textContent = text;
  place.append(line);
  setTimeout(() => line.remove(), 8000);
}

// ---- keys ----
const pressable = (one) => !one.disabled && !one.closest("[hidden]") && one.offsetParent !== null;
const named = (event) => [event.ctrlKey && "Ctrl", event.code.replace(/^(Key|Digit|Numpad(?=\d))/, "")].filter(Boolean).join("+");

addEventListener("keydown", (event) => {
  if (event.isComposing || event.altKey || event.metaKey || event.repeat) return;
  if (document.querySelector("dialog[open]") && !event.target.closest("dialog")) return;
  const isTyping = Boolean(event.target.closest("input:not([type=checkbox]):not([type=radio]), textarea, select, [contenteditable]"));
  const name = named(event);
  const isFree = /^F\d+$/.test(event.code) || event.ctrlKey;
  if (isTyping && !isFree) return;
  if (name === "Enter" && event.target.closest("a, button, summary, label, input")) return;  // that one is meant
  // keys of an open dialog press what is in it, never what lies beneath
  const found = [...(event.target.closest("dialog") || document).querySelectorAll("[data-key]")].find((one) => one.dataset.key.split(" ").includes(name) && pressable(one));
  if (!found) return;
  event.preventDefault();
  found.focus();
  found.click();
});

// ↑ and ↓ go through a work list
addEventListener("keydown", (event) => {
  if (event.isComposing || event.ctrlKey || event.altKey || event.target.closest("input, textarea, select")) return;
  if (event.code !== "ArrowDown" && event.code !== "ArrowUp") return;
  const all = [...document.querySelectorAll(".q-link")];
  if (!all.length || event.defaultPrevented) return;
  const current = all.indexOf(document.activeElement) >= 0 ? all.indexOf(document.activeElement) : all.findIndex((one) => one.parentElement.hasAttribute("aria-current"));
  const next = all[Math.min(Math.max(current + (event.code === "ArrowDown" ? 1 : -1), 0), all.length - 1)];
  event.preventDefault();
  next.focus();
});

// ---- questions before what cannot be undone ----
for (const button of document.querySelectorAll("[data-ask]")) {
  button.addEventListener("click", () => {
    const dialog = document.getElementById(button.dataset.ask);
    dialog.showModal();
    const field = dialog.querySelector("textarea, input:not([type=hidden]), select");
    if (field) field.focus();
  });
}
for (const button of document.querySelectorAll("dialog.ask [data-close]")) button.addEventListener("click", () => button.closest("dialog").close());

// ---- forms ----
for (const form of document.querySelectorAll("form[method=post]")) {
  form.addEventListener("submit", (event) => {
    if (form.dataset.sent) return event.preventDefault();  // a double click
    form.dataset.sent = "1";
    for (const button of form.querySelectorAll("button:not([type=button])")) button.setAttribute("aria-busy", "true");
    return undefined;
  });
}
addEventListener("pageshow", () => {  // back again: the form may be sent once more, and its key tells a repeat
  for (const form of document.querySelectorAll("form[data-sent]")) delete form.dataset.sent;
});

// ---- drafts ----
const drafted = (form) => {
  const values = {};
  for (const field of form.elements) {
    if (!field.name || ["csrfmiddlewaretoken", "form_key", "version"].includes(field.name)) continue;
    if (["file", "password", "submit", "button"].includes(field.type)) continue;
    if (["radio", "checkbox"].includes(field.type) && !field.checked) continue;
    if (field.value) values[field.name] = field.value;
  }
  return values;
};

for (const form of document.querySelectorAll("form[data-draft]")) {
  const url = form.dataset.draft;
  const state = form.querySelector("[data-draft-state]");
  let timer = 0;
  let before = JSON.stringify(drafted(form));
  const keep = async () => {
    clearTimeout(timer);
    const now = JSON.stringify(drafted(form));
    if (now === before || form.dataset.sent) return;
    const answer = await post(url, now, { "Content-Type": "application/json" });
    if (answer && answer.ok) before = now;
    if (state) state.textContent = answer && answer.ok ? state.dataset.kept : state.dataset.failed;
  };
  form.addEventListener("input", () => { clearTimeout(timer); timer = setTimeout(keep, DRAFT_AFTER_MS); });
  form.addEventListener("change", keep);
  addEventListener("pagehide", keep);
  // a form is sent only while somebody is logged in: else what was typed would go to the log-in page and be lost
  form.addEventListener("submit", async (event) => {
    if (form.dataset.checked) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    const answer = await post(url, JSON.stringify(drafted(form)), { "Content-Type": "application/json" });
    if (answer && answer.status === 401) { delete form.dataset.sent; return; }
    form.dataset.checked = "1";
    delete form.dataset.sent;
    form.requestSubmit(event.submitter || undefined);
  }, { capture: true });
}

// ---- who else is here ----
for (const place of document.querySelectorAll("[data-here]")) {
  const url = place.dataset.here;
  const others = place.querySelector("[data-others]");
  const changed = place.querySelector("[data-changed]");
  const tell = async () => {
    if (document.hidden) return;
    const answer = await post(url, "");
    if (!answer || !answer.ok) return;
    const told = await answer.json();
    if (others) {
      others.hidden = !told.others.length;
      others.querySelector("[data-names]").textContent = told.others.join("、");
    }
    if (changed) changed.hidden = String(told.version) === place.dataset.version;
  };
  tell();
  setInterval(tell, HERE_EVERY_MS);
  document.addEventListener("visibilitychange", tell);
  addEventListener("pagehide", () => post(`${url}?leave`, ""));
}

// what was done is told for a while
for (const line of document.querySelectorAll(".toasts .toast-by")) setTimeout(() => line.remove(), 8000);
