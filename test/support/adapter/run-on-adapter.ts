/**
 * Runs a program of this folder where WebGPU has a graphics adapter: a card, or the software adapter of Debian's
 * Chromium. The adapter's library must be known when a process starts, so the programs are processes of their own; they
 * print one JSON document.
 */
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const CHROMIUM = '/usr/lib/chromium';
const SOFTWARE_DRIVER = `${CHROMIUM}/vk_swiftshader_icd.json`;
const ADVICE = `tests on a graphics adapter need the software adapter of Chromium (${SOFTWARE_DRIVER}): apt-get install -y chromium`;

/** Whether there is the software adapter. Without it these tests are skipped, with the reason printed. */
export const hasAdapter = existsSync(SOFTWARE_DRIVER);
if (!hasAdapter) console.warn(`skipped: ${ADVICE}`);

/** Variables of the environment with which a process finds the software adapter. */
const adapterEnvironment: Readonly<Record<string, string | undefined>> = {
  ...process.env,
  LD_LIBRARY_PATH: CHROMIUM,
  VK_DRIVER_FILES: SOFTWARE_DRIVER,
};

/** Variables with which a process finds no adapter, whatever this machine has. */
export const noAdapterEnvironment = { VK_DRIVER_FILES: '/nonexistent', VK_ICD_FILENAMES: '/nonexistent' } as const;

/** Runs a program of this folder and returns what it prints. */
export async function runProgram(name: string, words: readonly string[]): Promise<unknown> {
  const path = fileURLToPath(new URL(`./${name}.ts`, import.meta.url));
  const { stdout } = await promisify(execFile)(
    process.execPath,
    ['--import', import.meta.resolve('tsx'), path, ...words],
    { env: { ...adapterEnvironment }, maxBuffer: 2 ** 26 },
  );
  return JSON.parse(stdout);
}
