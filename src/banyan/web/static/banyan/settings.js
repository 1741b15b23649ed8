// Steps are moved in place and the focus stays on the button; without this script the server moves them.
(() => {
  const list = document.querySelector("[data-steps]");
  if (!list) return;
  const told = document.getElementById("told");
  list.addEventListener("click", (event) => {
    const button = event.target.closest("button[name=move]");
    if (!button) return;
    event.preventDefault();
    const row = button.closest("li");
    const isUp = button.value.startsWith("up:");
    const other = isUp ? row.previousElementSibling : row.nextElementSibling;
    if (!other) return;
    if (isUp) other.before(row);
    else other.after(row);
    button.focus();
    told.textContent = list.dataset.told.replace("{n}", String([...list.children].indexOf(row) + 1));
  });
})();
