// An import goes on as long as its page is open: one call a few slices; a stop or a closed page loses nothing.
import { post } from "./desk.mjs";

const form = document.getElementById("going");
const bar = form.querySelector("progress");
const told = form.querySelector("[data-told]");
const stop = form.querySelector("[data-stop]");
const button = form.querySelector("[data-go]");
const words = told.textContent;
let isStopped = false;

const run = async () => {
  isStopped = false;
  button.hidden = true;
  stop.hidden = false;
  while (!isStopped) {
    const answer = await post(form.action, "");
    const said = answer ? await answer.json() : null;
    if (!answer || !answer.ok) {
      told.textContent = (said && said.message) || form.dataset.failed;
      break;
    }
    bar.value = said.total ? Math.min(100, (said.row * 100) / said.total) : 100;
    const numbers = [said.row, said.total].map((number) => number.toLocaleString("en-US"));
    told.textContent = words.replace(/[\d,]+/g, () => numbers.shift());
    if (said.done) {
      location.reload();
      return;
    }
  }
  button.hidden = false;
  stop.hidden = true;
};

stop.addEventListener("click", () => { isStopped = true; });
form.addEventListener("submit", (event) => {
  event.preventDefault();
  delete form.dataset.sent;
  run();
});
run();
