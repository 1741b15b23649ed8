// What cannot be undone is asked only when the form is complete: in front of the question nothing else can be filled in.
const form = document.getElementById("revoke");
if (form) {
  form.addEventListener("click", (event) => {
    if (event.target.closest("[data-ask]") && !form.reportValidity()) event.stopPropagation();
  }, { capture: true });
  const destroyed = form.querySelector("[name=destroyed]");
  const follow = () => {
    const fate = form.querySelector("[name=fate]:checked");
    destroyed.disabled = Boolean(fate) && fate.value === "lost";
    form.querySelector("[name=note]").required = Boolean(fate) && fate.value === "lost";
  };
  form.addEventListener("change", follow);
  follow();
}
