// Keys and small comforts; every page works without them.
(() => {
  // a filter that is chosen from its open list is applied at once; one that keys move through, list closed, at Enter
  for (const select of document.querySelectorAll("select[data-submit]")) {
    let isStepping = false;
    select.addEventListener("keydown", (event) => {
      if (event.key === "Enter" && isStepping) {
        event.preventDefault();
        select.form.requestSubmit();
      }
      isStepping = !event.altKey && !["Enter", " ", "F4", "Tab"].includes(event.key);  // these open the list, or leave it
    });
    select.addEventListener("pointerdown", () => { isStepping = false; });
    select.addEventListener("change", () => { if (!isStepping) select.form.requestSubmit(); });
  }

  // empty filters stay out of the address
  for (const form of document.querySelectorAll("form.filters")) {
    form.addEventListener("submit", () => {
      for (const field of form.elements) if (field.name && !field.value) field.disabled = true;
    });
  }
  addEventListener("pageshow", () => {
    for (const field of document.querySelectorAll("form.filters [disabled]")) field.disabled = false;
  });

  // values are copied as they are, without the gaps they are shown with
  const told = document.getElementById("told");
  const copied = async (text) => {
    if (navigator.clipboard && isSecureContext) return navigator.clipboard.writeText(text);
    const field = document.createElement("textarea");  // pages without TLS have no clipboard of their own
    field.className = "visually-hidden";
    field.value = text;
    document.body.append(field);
    field.select();
    const done = document.execCommand("copy");
    field.remove();
    if (!done) throw new Error("copy");
  };
  for (const button of document.querySelectorAll("[data-copy]")) {
    button.hidden = false;
    button.addEventListener("click", async () => {
      try {
        await copied(button.dataset.copy);
      } catch {
        return;  // nothing was copied, so nothing is said to be
      }
      button.focus();
      button.classList.add("is-done");
      told.textContent = told.dataset.copied;
      setTimeout(() => { button.classList.remove("is-done"); told.textContent = ""; }, 2000);
    });
  }

  const keys = document.getElementById("keys");
  for (const button of document.querySelectorAll("[data-keys]")) {
    button.hidden = false;
    button.addEventListener("click", () => keys.showModal());
  }

  const links = () => [...document.querySelectorAll("table.rows .row-link")];
  const move = (step) => {
    const all = links();
    if (!all.length) return false;
    const at = all.indexOf(document.activeElement);
    const next = all[Math.min(Math.max(at + step, 0), all.length - 1)];
    next.focus();
    next.closest("tr").scrollIntoView({ block: "nearest" });
    return true;
  };
  const follow = (rel) => {
    const link = document.querySelector(`.pager a[rel="${rel}"]`);
    if (link) link.click();
    return Boolean(link);
  };

  addEventListener("keydown", (event) => {
    if (event.isComposing || event.ctrlKey || event.altKey || event.metaKey || keys.open) return;
    const typing = event.target.closest("input, textarea, select, [contenteditable]");
    if (event.code === "Escape" && typing) return event.target.blur();
    if (typing) return;
    if (event.code === "Slash" && event.shiftKey) return keys.showModal();
    if (event.shiftKey) return;
    const done = {
      Slash: () => { const box = document.getElementById("search"); if (box) { box.focus(); box.select(); } return Boolean(box); },
      ArrowDown: () => move(1),
      ArrowUp: () => move(-1),
      PageDown: () => follow("next"),
      PageUp: () => follow("prev"),
    }[event.code];
    if (done && done()) event.preventDefault();
  });
})();
