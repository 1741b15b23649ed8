// Lists with boxes to tick: all at once, and how many are chosen. The form works without it.
for (const form of document.querySelectorAll("form[data-choosing]")) {
  const all = form.querySelector("[data-all]");
  const told = form.querySelector("[data-chosen]");
  const boxes = () => [...form.querySelectorAll("tbody input[type=checkbox]:not(:disabled)")];
  const before = told ? told.textContent : "";
  const count = () => {
    const chosen = boxes().filter((one) => one.checked).length;
    if (told) told.textContent = chosen ? told.dataset.word.replace("{n}", chosen) : before;
    if (all) {
      all.checked = chosen > 0 && chosen === boxes().length;
      all.indeterminate = chosen > 0 && !all.checked;
    }
  };
  if (all) all.addEventListener("change", () => { for (const one of boxes()) one.checked = all.checked; count(); });
  form.addEventListener("change", count);
  addEventListener("pageshow", count);
  count();
}
