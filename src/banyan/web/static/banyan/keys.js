// "/" goes to the search box; single letters never act while a person is typing.
(() => {
  addEventListener("keydown", (event) => {
    if (event.isComposing || event.ctrlKey || event.altKey || event.metaKey) return;
    const typing = event.target.closest("input, textarea, select, [contenteditable]");
    if (event.code === "Slash" && !event.shiftKey && !typing) {
      event.preventDefault();
      document.getElementById("search")?.select();
    } else if (event.code === "Escape" && typing) {
      event.target.blur();
    }
  });
})();
