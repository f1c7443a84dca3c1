/**
 * The process of device-probe.ts: tries one device beside the processor and prints how it went as one line of JSON. A
 * driver that ends the process it is loaded into ends only this one.
 */
import { argv, stdout } from 'node:process';
import { invariant } from '../../core/errors.ts';
import { tryDevice } from '../../onnx/device-trial.ts';
import { DEVICE_KINDS } from '../../runtime/device.ts';
import { loadRuntime, onCpu, onGpu } from './engine-parts.ts';

const kind = DEVICE_KINDS.find(known => known === argv[2]);
invariant(kind !== undefined && kind !== 'cpu', 'device-probe-process.ts is given a device');
const threads = Number(argv[3]);
// at this level ONNX Runtime names the cards that it finds, on stderr
const runtime = await loadRuntime('info');
const cpu = await onCpu(runtime, threads);
const fallbacks: number[] = [];
const device = onGpu(runtime, kind, { threads, onFallback: ({ onCpu }) => fallbacks.push(onCpu.size) });
const trial = await tryDevice(device, cpu, { now: () => performance.now(), isTimed: argv[4] === 'timed' });
invariant(fallbacks.length === 0, 'operators of a convolution and its gradients ran on the processor');
stdout.write(`${JSON.stringify(trial)}\n`);
