/** Debian's Chromium through playwright-core, headless, with WebGL in software; and where to get it. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { type Browser, type BrowserContext, chromium } from 'playwright-core';

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

/** Flags for a graphics card for WebGPU in software. */
export const SOFTWARE_WEBGPU = [
  '--enable-unsafe-webgpu',
  '--use-webgpu-adapter=swiftshader',
  '--enable-features=Vulkan',
] as const;

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

/** A browser with a user folder that outlives it. */
export interface KillableBrowser {
  /** What its user sees. */
  readonly context: BrowserContext;
  /** Ends all of its processes by signal 9, and returns when they are gone. */
  kill(): Promise<void>;
}

/** Starts the browser on a user folder, of which nothing but what is on the disk survives a kill. */
export async function startKillableBrowser(profile: string): Promise<KillableBrowser> {
  if (executablePath === undefined) throw new Error(ADVICE);
  const words = [...FLAGS, '--remote-debugging-port=0', `--user-data-dir=${profile}`, 'about:blank'];
  // a group of its own, which is killed as a whole
  const child = spawn(executablePath, words, { detached: true, stdio: ['ignore', 'ignore', 'pipe'] });
  const closed = once(child, 'close');
  let said = '';
  const address = await new Promise<string>((resolve, reject) => {
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      said = (said + text).slice(-4000);
      const found = /DevTools listening on (ws:\S+)/.exec(said)?.[1];
      if (found !== undefined) resolve(found);
    });
    child.on('error', reject);
    child.on('exit', code => reject(new Error(`the browser ended with ${code}: ${said}`)));
  });
  const browser = await chromium.connectOverCDP(address, { isLocal: true });
  return {
    context: browser.contexts()[0] as BrowserContext,
    kill: async () => {
      process.kill(-(child.pid as number), 'SIGKILL');
      await closed;
    },
  };
}
