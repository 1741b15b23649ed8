// Approving together: all of the page, and how many are chosen.
const form = document.querySelector("form.together");
if (form) {
  const all = form.querySelector("[data-all]");
  const boxes = [...form.querySelectorAll("[name=chosen]")];
  const count = form.querySelector("[data-count]");
  const tell = () => {
    const chosen = boxes.filter((box) => box.checked).length;
    count.textContent = count.dataset.text.replace("{n}", chosen);
    all.checked = chosen > 0 && chosen === boxes.length;
    all.indeterminate = chosen > 0 && chosen < boxes.length;
  };
  all.hidden = boxes.length === 0;
  all.addEventListener("change", () => { for (const box of boxes) box.checked = all.checked; tell(); });
  for (const box of boxes) box.addEventListener("change", tell);
  addEventListener("pageshow", tell);
  tell();
}
