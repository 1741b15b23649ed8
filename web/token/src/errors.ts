/**
 * What went wrong. `code` is stable, `message` is for the person and says what to do next.
 *
 * Codes are those of GM/T 0016 (`SAR_PIN_INCORRECT`), of the agent (`AGENT_CANCELLED`, see docs/token-agent.md), or one of this
 * library: `AGENT_UNREACHABLE`, `AGENT_PERMISSION_DENIED`, `AGENT_PERMISSION_UNANSWERED`, `AGENT_INSECURE_PAGE`,
 * `AGENT_PAGE_POLICY`, `AGENT_ORIGIN_REFUSED`, `AGENT_VERSION`, `AGENT_GONE`, `AGENT_TOO_LARGE`, `AGENT_CLOSED`.
 */
export class TokenAgentError extends Error {
  readonly code: string;
  /** The standard's number, `0x0A000024`, where the agent told one. */
  readonly number?: number;
  /** How often the PIN may still be wrong, where it was. */
  readonly triesLeft?: number;
  /** With `AGENT_GONE`: what was asked may have been carried out before the agent went away. */
  readonly mayHaveBeenDone: boolean;

  constructor(code: string, message: string, details: ErrorDetails = {}) {
    super(message);
    this.name = "TokenAgentError";
    this.code = code;
    if (details.number !== undefined) this.number = details.number;
    if (details.triesLeft !== undefined) this.triesLeft = details.triesLeft;
    this.mayHaveBeenDone = details.mayHaveBeenDone ?? false;
  }
}

export interface ErrorDetails {
  readonly number?: number | undefined;
  readonly triesLeft?: number | undefined;
  readonly mayHaveBeenDone?: boolean;
}
