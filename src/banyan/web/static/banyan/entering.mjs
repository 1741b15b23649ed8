// Entering: a field that is left is checked by the server, and the certificate is shown as it will be.
// Nothing typed ever stands in an address: the whole form goes in a POST.
import { post } from "./desk.mjs";
import "./deciding.mjs";

const form = document.getElementById("entry");
if (form) {
  const touched = new Set([...form.querySelectorAll(".is-invalid")].map((field) => field.name));
  const preview = document.getElementById("preview");
  const none = document.getElementById("no-preview");
  const voids = document.getElementById("voids");
  let turn = 0;

  const tell = (name, text) => {
    const field = form.elements[name];
    const note = document.getElementById(`n-${name}`);
    if (!field || !note) return;
    field.classList.toggle("is-invalid", Boolean(text));
    if (text) field.setAttribute("aria-invalid", "true");
    else field.removeAttribute("aria-invalid");
    note.querySelector("[data-fault]").textContent = text || "";
  };

  const show = (lines) => {
    none.hidden = lines.length > 0;
    preview.replaceChildren(...lines.map((line) => {
      const row = document.createElement("div");
      const term = document.createElement("dt");
      const said = document.createElement("dd");
      term.textContent = line.label;
      said.textContent = line.value;
      row.append(term, said);
      return row;
    }));
  };

  const check = async () => {
    const mine = ++turn;
    const answer = await post(form.dataset.check, new FormData(form));
    if (!answer || !answer.ok || mine !== turn) return;  // a later check will tell
    const told = await answer.json();
    for (const name of touched) tell(name, told.faults[name]);
    show(told.preview);
    if (voids) voids.hidden = !told.voids;
  };

  form.addEventListener("focusout", (event) => {
    if (!event.target.name || event.target.type === "hidden") return;
    touched.add(event.target.name);
    check();
  });
  form.addEventListener("change", (event) => { if (event.target.name) touched.add(event.target.name); check(); });

  // Enter goes on to the next field; Ctrl+Enter saves (desk.mjs)
  form.addEventListener("keydown", (event) => {
    if (event.code !== "Enter" && event.code !== "NumpadEnter") return;
    if (event.isComposing || event.ctrlKey || event.target.matches("textarea, button, a")) return;
    event.preventDefault();
    const fields = [...form.querySelectorAll("input:not([type=hidden]), select, textarea, .foot button")];
    const next = fields[fields.indexOf(event.target) + 1];
    if (next) next.focus();
  });

  const summary = document.getElementById("faults");
  const first = form.querySelector(".is-invalid") || form.querySelector(".is-marked input, .is-marked select");
  if (summary && !first) summary.focus();
  else (first || (form.querySelector("#g-requester input") || form.querySelector("input:not([type=hidden])"))).focus();
}
