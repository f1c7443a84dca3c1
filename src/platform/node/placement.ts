/**
 * Where the nodes of a model run, from ONNX Runtime's own profile. A graphics card has no kernel for some operators;
 * ONNX Runtime then takes the processor's for them without a word.
 */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { z } from 'zod';
import { plural } from '../../core/format.ts';

/** How many nodes of a model ran, and which of them on the processor. */
export interface Placement {
  readonly nodes: number;
  /** Number of nodes that ran on the processor, by operator. */
  readonly onCpu: ReadonlyMap<string, number>;
}

const CPU_PROVIDER = 'CPUExecutionProvider';

const profileSchema = z.array(
  z.looseObject({
    name: z.string().optional(),
    args: z.looseObject({ provider: z.string().optional(), op_name: z.string().optional() }).optional(),
  }),
);

/** Reads the profile of one run. @param text JSON, as ONNX Runtime writes it */
export function placementOf(text: string): Placement {
  let nodes = 0;
  const onCpu = new Map<string, number>();
  for (const { name = '', args } of profileSchema.parse(JSON.parse(text))) {
    if (!name.endsWith('_kernel_time') || args?.provider === undefined) continue;
    nodes++;
    const op = args.op_name ?? 'unknown';
    // copies from and to the device are no work of the model
    if (args.provider === CPU_PROVIDER && !op.startsWith('Memcpy')) onCpu.set(op, (onCpu.get(op) ?? 0) + 1);
  }
  return { nodes, onCpu };
}

/** The nodes on the processor in one sentence; undefined if there are none. */
export function placementText({ nodes, onCpu }: Placement): string | undefined {
  const count = [...onCpu.values()].reduce((sum, value) => sum + value, 0);
  if (count === 0) return undefined;
  const names = [...onCpu].map(([op, times]) => `${op} (${times})`).join(', ');
  return `${count} of ${plural(nodes, 'node')} of a model ran on the processor, since the device has no kernel for them: ${names}.`;
}

/** A folder for the profile of one session. */
export interface ProfileFolder {
  /** Start of the path of the profile, as ONNX Runtime takes it. */
  readonly prefix: string;
  /** Reads the profile, which has been ended, and removes the folder. */
  readonly take: () => Placement;
}

/** Makes a folder for a profile among the system's temporary files. */
export function openProfileFolder(): ProfileFolder {
  const folder = mkdtempSync(join(tmpdir(), 'voxstill-profile-'));
  return {
    prefix: join(folder, 'profile'),
    take: () => {
      try {
        const [name = ''] = readdirSync(folder);
        return placementOf(readFileSync(join(folder, name), 'utf8'));
      } finally {
        rmSync(folder, { recursive: true, force: true });
      }
    },
  };
}
