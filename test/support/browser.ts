/** Debian's Chromium through playwright-core, headless, with WebGL in software; and where to get it. */
import { existsSync } from 'node:fs';
import { type Browser, chromium } from 'playwright-core';

const PLACES = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'];
const FLAGS = [
  '--headless=new',
  '--no-sandbox',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  '--use-angle=swiftshader',
  '--enable-unsafe-swiftshader',
];
const ADVICE = 'tests in a browser need Chromium: apt-get install -y chromium, or name one in CHROMIUM';

const executablePath = [process.env['CHROMIUM'] ?? '', ...PLACES].find(path => path !== '' && existsSync(path));

/**
 * Whether there is a browser. Without one, tests of pages fail where CI=true and are skipped elsewhere, with the reason
 * printed.
 */
export const hasBrowser = executablePath !== undefined;
if (!hasBrowser && process.env['CI'] === 'true') throw new Error(ADVICE);
if (!hasBrowser) console.warn(`skipped: ${ADVICE}`);

/** Starts the browser with a user folder of its own. */
export async function launchBrowser(flags: readonly string[] = []): Promise<Browser> {
  if (executablePath === undefined) throw new Error(ADVICE);
  return chromium.launch({ executablePath, args: [...FLAGS, ...flags] });
}
