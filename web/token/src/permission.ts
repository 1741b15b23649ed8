/** What the browser calls the right to reach programs on this machine, newest name first (Chromium 145, 142). */
const NAMES = ["loopback-network", "local-network-access"];

/**
 * The browser's permission to reach the agent: `state` is `granted`, `denied` or `prompt`, `onchange` tells when the person
 * decides. Null where the browser asks nobody (Chromium before 142).
 */
export async function localNetworkPermission(): Promise<PermissionStatus | null> {
  for (const name of NAMES) {
    try {
      return await navigator.permissions.query({ name: name as PermissionName });
    } catch {
      // a browser that does not know the name
    }
  }
  return null;
}
