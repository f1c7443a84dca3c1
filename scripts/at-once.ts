/**
 * `tsx scripts/at-once.ts NAME...`: runs scripts of package.json at the same time, as many as there are cores. What one
 * prints comes in one piece when it ends; the exit code is 1 if any of them failed.
 */
import { execFile } from 'node:child_process';
import { availableParallelism } from 'node:os';

const waiting = process.argv.slice(2);

function run(name: string): Promise<void> {
  return new Promise(resolve => {
    execFile('npm', ['run', '--silent', name], { maxBuffer: 1e8 }, (error, stdout, stderr) => {
      process.stdout.write(`npm run ${name}: ${error === null ? 'no complaints' : 'failed'}\n${stdout}${stderr}`);
      if (error !== null) process.exitCode = 1;
      resolve();
    });
  });
}

async function worker(): Promise<void> {
  for (let name = waiting.shift(); name !== undefined; name = waiting.shift()) await run(name);
}

await Promise.all(Array.from({ length: availableParallelism() }, worker));
