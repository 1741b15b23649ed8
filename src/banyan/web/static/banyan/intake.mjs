// The intake form: fields are checked while somebody types, what the applicant has already is shown beside them.
import { post } from "./desk.mjs";

const form = document.getElementById("intake");
const place = document.getElementById("held");
const WAIT_MS = 450;

const holds = { PERSONAL: ["id_type", "id_number"], ORGANIZATION: ["uscc"], SEAL: ["uscc"], DEVICE: ["device_domain", "device_ip", "device_serial"] };

const show = (field, text, isBad, isGood) => {
  const line = document.getElementById(`e-${field.name}`);
  if (!line) return;
  line.textContent = text || line.dataset.hint || "";
  line.className = isBad ? "f-bad" : isGood && text ? "f-ok" : "f-note";
  field.classList.toggle("is-invalid", isBad);
  if (isBad) field.setAttribute("aria-invalid", "true");
  else field.removeAttribute("aria-invalid");
};

const values = () => {
  const body = new URLSearchParams();
  for (const one of form.elements) if (one.name && one.type !== "radio") body.append(one.name, one.value);
  return body;
};

const fill = (found) => {
  for (const [name, text] of Object.entries(found || {})) {
    const target = form.elements[name];
    if (target && !target.value) {
      target.value = text;
      show(target, "", false, false);
    }
  }
};

const check = async (field) => {
  const typed = field.value;
  if (!typed.trim()) return show(field, "", false, false);
  const body = values();
  body.set("field", field.name);
  const answer = await post(form.dataset.check, body);
  if (!answer || !answer.ok || field.value !== typed) return undefined;  // typed on: a later answer counts
  const told = await answer.json();
  show(field, told.ok ? told.note : told.message, !told.ok, told.ok);
  if (told.ok) fill(told.fill);
  return undefined;
};

let asked = "";
const look = async () => {
  const names = holds[form.elements.kind.value] || [];
  const now = names.map((name) => form.elements[name] && form.elements[name].value.trim()).join("|");
  if (now === asked || !names.some((name) => name !== "id_type" && form.elements[name] && form.elements[name].value.trim())) return;
  asked = now;
  const answer = await post(form.dataset.held, values());
  if (answer && answer.status === 200) place.innerHTML = await answer.text();
};

if (form) {
  for (const field of form.querySelectorAll("[data-check]")) {
    let timer = 0;
    field.addEventListener("input", () => {
      clearTimeout(timer);
      // a number that is still being typed is not wrong yet; one that was wrong is told as soon as it is right
      const isWhole = field.classList.contains("is-invalid") || field.value.trim().length >= (field.type === "tel" ? 11 : 18);
      if (isWhole) timer = setTimeout(() => check(field), WAIT_MS);
    });
    field.addEventListener("change", () => { clearTimeout(timer); check(field); });
  }
  form.addEventListener("change", (event) => {
    if ((holds[form.elements.kind.value] || []).includes(event.target.name)) look();
  });
  look();

  // Enter goes to the next field: a form half filled is not sent by it
  form.addEventListener("keydown", (event) => {
    if (event.code !== "Enter" || event.ctrlKey || event.isComposing || !event.target.matches("input:not([type=radio]), select")) return;
    if (event.target.name === "pair_query") {
      event.preventDefault();
      form.querySelector("[name=find]").click();
      return;
    }
    event.preventDefault();
    const all = [...form.querySelectorAll("input:not([type=hidden]), select, .foot button")];
    const next = all[all.indexOf(event.target) + 1];
    if (next) next.focus();
  });

  // another business or system: what is typed is kept before the page changes
  for (const card of form.querySelectorAll(".card-choice")) {
    card.addEventListener("click", async (event) => {
      if (event.ctrlKey || event.metaKey || event.shiftKey) return;
      event.preventDefault();
      const kept = {};
      for (const one of form.elements) {
        if (one.name && one.value && !["csrfmiddlewaretoken", "form_key", "business", "system", "kind", "pair"].includes(one.name) && (one.type !== "radio" || one.checked)) kept[one.name] = one.value;
      }
      if (Object.keys(kept).some((name) => name !== "id_type")) await post(form.dataset.draft, JSON.stringify(kept), { "Content-Type": "application/json" });
      location.href = card.href;
    });
  }

  const driver = document.querySelector("[data-driver]");
  const tell = () => {
    const system = form.elements.form_operating_system;
    const cpu = form.elements.form_cpu;
    if (driver && system && cpu) driver.textContent = system.value && cpu.value ? `${system.value} · ${cpu.value}` : driver.dataset.none;
  };
  form.addEventListener("change", tell);
  tell();

  const errors = document.getElementById("errors");
  const first = form.querySelector(".is-invalid") || errors || (form.querySelector(".parts-grid .part") && form.querySelector(".part input:not([type=radio])"));
  if (first) first.focus();
}

if (place && place.dataset.heldOf) {
  post(place.dataset.heldOf, "").then(async (answer) => {
    if (answer && answer.ok) place.innerHTML = await answer.text();
  });
}

// passing on is possible while nothing is missing and nothing is remarked on
const pass = document.querySelector("button[name=do][value=pass]");
const remarks = [...document.querySelectorAll("[data-remark]")];
if (pass) {
  const settle = () => { pass.disabled = "missing" in pass.dataset || remarks.some((one) => one.value); };
  for (const one of remarks) one.addEventListener("change", settle);
  settle();
}
