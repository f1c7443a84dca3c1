/** The machine under Node: versions, host, clock, hashes and peak memory, for the record of a run. */
import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { arch, availableParallelism, cpus, platform, release, totalmem } from 'node:os';
import type { Machine } from '../../experiment/machine.ts';
import type { Engine } from '../../runtime/engine.ts';
import { wait } from '../wait.ts';
import { hasEnded, thisProcess } from './owner.ts';
import { packageVersion } from './package-version.ts';

/** Peak resident memory as counted by Linux, which can be reset; undefined on other systems. */
function linuxPeakBytes(): number | undefined {
  if (platform() !== 'linux') return undefined;
  const line = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync('/proc/self/status', 'utf8'));
  return line === null ? undefined : Number(line[1]) * 1024;
}

function resetPeak(): void {
  if (platform() !== 'linux') return;
  try {
    // proc(5): 5 sets the peak resident size to the current one.
    writeFileSync('/proc/self/clear_refs', '5');
  } catch {
    // Not allowed in some containers; the peak is then that of the whole process.
  }
}

/** Hexadecimal SHA-256. */
export function sha256(data: Uint8Array): string {
  return createHash('sha256').update(data).digest('hex');
}

/** Facts about this machine that need no engine. */
export const thisMachine: Omit<Machine, 'provenance'> = {
  now: () => new Date().toISOString(),
  elapsedMs: () => performance.now(),
  sha256,
  resetPeak,
  peakBytes: () => linuxPeakBytes() ?? process.resourceUsage().maxRSS * 1024,
  owner: thisProcess(),
  hasEnded,
  wait,
};

/**
 * This machine.
 * @param engine name and device of the engine, for the record
 */
export function createNodeMachine({ name, device }: Pick<Engine, 'name' | 'device'>): Machine {
  return {
    ...thisMachine,
    provenance: {
      device,
      versions: { voxstill: packageVersion(), node: process.versions.node, engine: name },
      host: {
        system: `${platform()} ${release()} ${arch()}`,
        cpu: cpus()[0]?.model ?? 'unknown',
        cores: availableParallelism(),
        memoryBytes: totalmem(),
      },
    },
  };
}
