/**
 * Debian's Firefox through playwright-core, headless, by WebDriver BiDi; and where to get it. The channel is the one
 * of playwright that drives an ordinary Firefox; playwright-core 1.65 asks it for commands that Firefox ESR 153 has
 * not got.
 */
import { existsSync, mkdirSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { type Browser, firefox } from 'playwright-core';

const PLACES = ['/usr/bin/firefox-esr', '/usr/bin/firefox'];
const ADVICE = 'tests in Firefox need it: apt-get install -y firefox-esr, or name one in FIREFOX';
/** What would ask servers of Mozilla for experiments and lists as soon as it starts. */
const QUIET = {
  'app.normandy.enabled': false,
  'messaging-system.rsexperimentloader.enabled': false,
  'services.settings.server': 'data:,#remote-settings-dummy/v1',
};
const PATIENCE_MS = 60_000;

const executablePath = [process.env['FIREFOX'] ?? '', ...PLACES].find(path => path !== '' && existsSync(path));

/** Whether there is Firefox. Without it, tests fail where CI=true, and are skipped elsewhere, with a printed reason. */
export const hasFirefox = executablePath !== undefined;
if (!hasFirefox && process.env['CI'] === 'true') throw new Error(ADVICE);
if (!hasFirefox) console.warn(`skipped: ${ADVICE}`);

/** Starts Firefox with a user folder of its own. What it downloads comes to a folder, by the names it has there. */
export async function launchFirefox(downloads: string): Promise<Browser> {
  if (executablePath === undefined) throw new Error(ADVICE);
  mkdirSync(downloads, { recursive: true });
  return firefox.launch({ channel: 'moz-firefox', executablePath, downloadsPath: downloads, firefoxUserPrefs: QUIET });
}

/**
 * Does something and waits for the file that comes of it: of files that a page makes itself, Firefox 153 tells
 * playwright nothing that it could tell apart.
 * @returns the path of the file
 */
export async function downloaded(downloads: string, name: string, act: () => Promise<void>): Promise<string> {
  const path = join(downloads, name);
  const isWhole = (): boolean =>
    existsSync(path) && statSync(path).size > 0 && !readdirSync(downloads).some(other => other.endsWith('.part'));
  if (existsSync(path)) throw new Error(`${path} is there already`);
  await act();
  const until = Date.now() + PATIENCE_MS;
  while (!isWhole()) {
    if (Date.now() > until) throw new Error(`${name} was not downloaded; there are ${readdirSync(downloads).join()}`);
    await new Promise(resolve => setTimeout(resolve, 50));
  }
  return path;
}
