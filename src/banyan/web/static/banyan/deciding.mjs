// What approving, entering and proofreading share: the papers enlarged, and a dialog that a refusal opens again.
for (const dialog of document.querySelectorAll("dialog[data-reopen]")) dialog.showModal();

addEventListener("keydown", (event) => {
  if (event.isComposing || event.ctrlKey || event.altKey || event.metaKey) return;
  if (event.target.closest("input, select, textarea, dialog")) return;
  if (event.code === "KeyZ") {
    event.preventDefault();
    const isLarge = document.body.classList.toggle("is-enlarged");
    if (isLarge) document.getElementById("papers").focus();
  } else if (event.code === "Escape") document.body.classList.remove("is-enlarged");
});
