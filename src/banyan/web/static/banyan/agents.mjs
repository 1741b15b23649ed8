// Reads the public key of this machine's token agent into the form.
import { TokenAgent, TokenAgentError } from "../vendor/banyan-token.mjs";

const form = document.getElementById("register");
const state = document.getElementById("read-state");
const read = document.getElementById("read");
read.hidden = false;
read.addEventListener("click", async () => {
  read.disabled = true;
  try {
    const agent = await TokenAgent.connect({ port: Number(form.dataset.port) });
    document.getElementById("public_key").value = btoa(String.fromCharCode(...agent.publicKey));
    state.textContent = agent.keyId;
    agent.close();
  } catch (error) {
    if (!(error instanceof TokenAgentError)) throw error;
    state.textContent = error.code === "AGENT_UNREACHABLE" ? form.dataset.none : error.message;
  } finally {
    read.disabled = false;
  }
});
