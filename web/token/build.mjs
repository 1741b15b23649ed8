// Builds @banyan/token: dist/banyan-token.mjs (module), dist/banyan-token.js (script tag, global BanyanToken), dist/types.
import { execFileSync } from "node:child_process";
import { appendFileSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const here = fileURLToPath(new URL(".", import.meta.url));
const compiler = createRequire(import.meta.url).resolve("typescript/bin/tsc");
const banner = "/* @banyan/token: certificates in USB keys for web pages. Apache-2.0 */";
// ASCII: pages of any encoding take the script as it is.
const common = { absWorkingDir: here, bundle: true, target: "chrome86", charset: "ascii", banner: { js: banner } };

rmSync(`${here}dist`, { recursive: true, force: true });
try {
  execFileSync(process.execPath, [compiler, "--project", here], { stdio: "inherit" });
} catch {
  process.exit(1); // the compiler has said why
}
// What the script tag's global is, for those who check their pages with TypeScript.
appendFileSync(`${here}dist/types/index.d.ts`, "export as namespace BanyanToken;\n");
await build({ ...common, entryPoints: ["src/index.ts"], format: "esm", outfile: "dist/banyan-token.mjs" });
await build({
  ...common,
  entryPoints: ["src/index.ts"],
  format: "iife",
  globalName: "BanyanToken",
  minify: true,
  outfile: "dist/banyan-token.js",
});
