// Proofreading: one field after the other. What is critical is typed again and compared by the server; the page gets
// the value only once it was typed. Keys: Enter same, D differs, 1 entered is right, 2 retyped is right, Z enlarges.
import { post } from "./desk.mjs";
import "./deciding.mjs";

const sheet = document.querySelector("[data-sheet]");
if (sheet) {
  document.body.classList.add("has-script");
  const lines = [...sheet.querySelectorAll("[data-field]")];
  const seen = document.querySelector("#pass [name=seen]").value;
  const told = document.querySelector("[data-told]");
  const differs = document.getElementById("differs");
  const sprite = document.querySelector("svg.ic use").getAttribute("href").split("#")[0];
  const settled = new Set(["SAME", "RETYPED", "LOOKED"]);
  const isOpen = (line) => !settled.has(line.dataset.result) && line.dataset.result !== "DIFFERS";
  let current = null;

  const element = (tag, css, text) => {
    const made = document.createElement(tag);
    if (css) made.className = css;
    if (text !== undefined) made.textContent = text;
    return made;
  };

  const icon = (name) => {
    const space = "http://www.w3.org/2000/svg";
    const svg = document.createElementNS(space, "svg");
    const use = document.createElementNS(space, "use");
    svg.setAttribute("class", "ic");
    svg.setAttribute("aria-hidden", "true");
    use.setAttribute("href", `${sprite}#tabler-${name}`);
    svg.append(use);
    return svg;
  };

  const go = (line, hasFocus = true) => {
    if (current) {
      current.classList.remove("cur");
      current.removeAttribute("aria-current");
    }
    current = line;
    if (!line) {
      const button = [document.getElementById("pass-button"), document.getElementById("back-button")].find((one) => !one.disabled);
      if (button && hasFocus) button.focus();
      return;
    }
    line.classList.add("cur");
    line.setAttribute("aria-current", "true");
    const field = line.querySelector("[name=retyped]");
    if (hasFocus) (field && isOpen(line) ? field : line).focus({ preventScroll: true });
    line.scrollIntoView({ block: "nearest" });
  };

  const next = (line) => {
    const at = lines.indexOf(line);
    go([...lines.slice(at + 1), ...lines.slice(0, at + 1)].find(isOpen) || null);
  };

  const runs = (list, css) => {
    const text = element("span", "t-id");
    for (const [part, isOther] of list) text.append(isOther ? element("mark", css, part) : part);
    return text;
  };

  const pick = (word, list, css, key, act) => {
    const made = element(act ? "button" : "div", "pick");
    if (act) {
      made.type = "button";
      made.dataset.pick = key;
      made.addEventListener("click", act);
    }
    made.append(element("span", "f-l", word), runs(list, css));
    if (act) made.append(element("span", "kbd", key));
    return made;
  };

  const compare = (line, answer) => {
    const place = line.querySelector("[data-diff]");
    place.replaceChildren(
      element("p", "diff-note", answer.may_choose_entered ? sheet.dataset.both : sheet.dataset.only),
      pick(sheet.dataset.entered, answer.entered, "diff-x", "1", answer.may_choose_entered ? () => check(line, { do: "looked" }) : null),
      pick(sheet.dataset.retyped, answer.retyped, "diff-o", "2", () => check(line, { do: "differs", reason: sheet.dataset.mismatch })),
    );
    place.hidden = false;
    line.focus();  // not a button: an Enter out of habit must not choose
  };

  const show = (line, answer) => {
    line.dataset.result = answer.result;
    line.classList.remove("ok", "warn", "fix");
    if (answer.css) line.classList.add(answer.css);
    const state = line.querySelector("[data-state]");
    state.replaceChildren(...(answer.icon ? [icon(answer.icon)] : []), element("span", "", answer.word));
    const diff = line.querySelector("[data-diff]");
    diff.hidden = true;
    diff.replaceChildren();
    const box = line.querySelector(".f-v");
    const why = box.querySelector("[data-why]");
    if (why) why.remove();
    if (answer.reason) {
      const made = element("span", "f-why small-t", answer.reason);
      made.dataset.why = "";
      box.append(made);
    }
    const form = line.querySelector("form");
    if (form) {
      form.hidden = !isOpen(line);
      delete form.dataset.sent;  // old browsers ran the counter's own listener first
      for (const button of form.querySelectorAll("[aria-busy]")) button.removeAttribute("aria-busy");
    }
    let value = box.querySelector("[data-value]");
    if (answer.value && !value) {
      value = element("span", line.dataset.care === "plain" ? "" : "t-id");
      value.dataset.value = "";
      box.prepend(value);
    }
    if (value && answer.value) value.textContent = answer.value;
    told.textContent = `${line.dataset.label} ${answer.word}`;
    count(answer);
    if (answer.entered) compare(line, answer);
    else if (!isOpen(line)) next(line);
  };

  const count = (answer) => {
    const text = document.querySelector("[data-progress]");
    text.textContent = text.dataset.text.replace("{n}", answer.settled).replace("{all}", answer.total);
    document.querySelector(".check-count progress").value = answer.settled;
    if (answer.name) document.querySelector("[data-name]").textContent = answer.name;
    const pass = document.getElementById("pass-button");
    pass.disabled = Boolean(answer.why_not);
    pass.querySelector("[data-pass-text]").textContent = answer.why_not || pass.dataset.pass;
    const back = document.getElementById("back-button");
    back.disabled = !answer.marked;
    document.querySelector("[data-marked-list]").replaceChildren(...lines.filter((line) => line.dataset.result === "DIFFERS").map(
      (line) => element("li", "", `${line.dataset.label}：${(line.querySelector("[data-why]") || { textContent: "" }).textContent}`)));
  };

  const refused = (line, message) => {
    const place = line.querySelector("[data-diff]");
    const note = element("p", "diff-note", message);
    note.setAttribute("role", "alert");
    place.replaceChildren(note);
    place.hidden = false;
  };

  let isBusy = false;
  const check = async (line, said) => {
    if (isBusy) return;
    isBusy = true;
    const body = new FormData();
    for (const [name, value] of Object.entries({ ...said, seen })) body.append(name, value);
    const answer = await post(line.dataset.url, body);
    isBusy = false;
    if (!answer || answer.status === 401) return;  // what was typed stays in its field
    const found = await answer.json();
    if (answer.ok) show(line, found);
    else refused(line, found.error.message);
  };

  const mark = (line) => {
    go(line, false);
    differs.querySelector("[data-differs-field]").textContent = line.dataset.label;
    differs.querySelector("#differs-words").value = "";
    differs.returnValue = "";
    differs.showModal();
    differs.querySelector("[name=reason]:checked").focus();
  };

  differs.addEventListener("close", () => {
    if (differs.returnValue !== "mark" || !current) { if (current) go(current); return; }
    const reason = differs.querySelector("[name=reason]:checked").value;
    check(current, { do: "differs", reason, words: differs.querySelector("#differs-words").value });
  });
  differs.addEventListener("keydown", (event) => {  // digits choose a reason, Enter marks
    if (event.isComposing || event.target.matches("#differs-words, button")) return;
    const chosen = differs.querySelector(`[data-key="${event.code.replace(/^(Digit|Numpad)/, "")}"]`);
    if (chosen) { chosen.checked = true; chosen.focus(); event.preventDefault(); }
    if (event.code === "Enter" || event.code === "NumpadEnter") { event.preventDefault(); differs.close("mark"); }
  });

  for (const line of lines) {
    const form = line.querySelector("form");
    if (form) {
      form.addEventListener("submit", (event) => {
        event.preventDefault();
        event.stopImmediatePropagation();
        const field = form.querySelector("[name=retyped]");
        if (!field) check(line, { do: "same" });
        else if (field.value.trim()) check(line, { do: "retype", retyped: field.value });
      }, { capture: true });
    }
    line.addEventListener("focusin", () => { if (current !== line) go(line, false); });
    line.addEventListener("click", (event) => { if (!event.target.closest("button, input, a")) go(line); });
  }

  addEventListener("keydown", (event) => {
    if (event.isComposing || event.ctrlKey || event.altKey || event.metaKey || event.repeat) return;
    if (document.querySelector("dialog[open]") || event.target.closest("input, textarea, select")) return;
    const key = event.code.replace(/^(Key|Digit|Numpad)/, "");
    const isOnButton = Boolean(event.target.closest("button, a"));
    if (key === "Enter" && !isOnButton && current && isOpen(current) && current.dataset.care === "plain") {
      event.preventDefault();
      check(current, { do: "same" });
    } else if (key === "D" && current) {
      event.preventDefault();
      mark(current);
    } else if ((key === "1" || key === "2") && current) {
      const button = current.querySelector(`[data-pick="${key}"]`);
      if (button) { event.preventDefault(); button.click(); }
    } else if (key === "ArrowDown" || key === "ArrowUp") {
      const at = lines.indexOf(current) + (key === "ArrowDown" ? 1 : -1);
      if (lines[at]) { event.preventDefault(); go(lines[at]); }
    }
  });
  addEventListener("keydown", (event) => {  // ↑ ↓ go through the fields from inside a field too; Esc leaves it
    if (!event.target.matches("[name=retyped]") || event.isComposing) return;
    const line = event.target.closest("[data-field]");
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.code];
    if (step && lines[lines.indexOf(line) + step]) { event.preventDefault(); go(lines[lines.indexOf(line) + step]); }
    else if (event.code === "Escape") line.focus();
  });

  go(lines.find(isOpen) || null);
}
