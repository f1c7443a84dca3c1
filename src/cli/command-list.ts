/**
 * The commands of the program as `--help` lists them. Listing loads none of them: only the command that is called is
 * imported.
 */
import type { ListedCommand } from './program.ts';

/** All commands in the order in which `--help` lists them. */
export const COMMANDS: readonly ListedCommand[] = [
  {
    name: 'demo',
    takes: '',
    description: 'run the whole experiment on generated phantoms',
    load: async () => (await import('./flags/demo.ts')).declareDemo,
  },
  {
    name: 'run',
    takes: '<recipe>',
    description: 'run a recipe: teacher, student, baseline, evaluation and report',
    load: async () => (await import('./flags/run.ts')).declareRun,
  },
  {
    name: 'train',
    takes: '<recipe>',
    description: 'train one arm of a recipe',
    load: async () => (await import('./flags/train.ts')).declareTrain,
  },
  {
    name: 'sweep',
    takes: '<recipe>',
    description: 'run every combination of a grid and find the smallest student that is good enough',
    load: async () => (await import('./flags/sweep.ts')).declareSweep,
  },
  {
    name: 'evaluate',
    takes: '',
    description: 'measure Dice and surface distances of a model, per case and class',
    load: async () => (await import('./flags/evaluate.ts')).declareEvaluate,
  },
  {
    name: 'predict',
    takes: '',
    description: 'segment volumes with a model',
    load: async () => (await import('./flags/predict.ts')).declarePredict,
  },
  {
    name: 'compare',
    takes: '<sources...>',
    description: 'compare runs, sweeps and evaluations side by side, with paired tests',
    load: async () => (await import('./flags/compare.ts')).declareCompare,
  },
  {
    name: 'validate',
    takes: '<dataset>',
    description: 'list every problem in a data set',
    load: async () => (await import('./flags/validate.ts')).declareValidate,
  },
  {
    name: 'paint',
    takes: '<source>',
    description: 'write the images that are painted of label maps as a data set',
    load: async () => (await import('./flags/paint.ts')).declarePaint,
  },
  {
    name: 'plan',
    takes: '<dataset>',
    description: 'measure a data set and write a recipe for it',
    load: async () => (await import('./flags/plan.ts')).declarePlan,
  },
  {
    name: 'power',
    takes: '<folder>',
    description: 'plan how many test cases a "not worse than the teacher" verdict needs',
    load: async () => (await import('./flags/power.ts')).declarePower,
  },
  {
    name: 'inspect',
    takes: '[path]',
    description: 'describe a model, a volume, a run, or what can compute here',
    load: async () => (await import('./flags/inspect.ts')).declareInspect,
  },
  {
    name: 'import',
    takes: '<source>',
    description: 'a model from elsewhere as an ONNX file that says how it is used',
    load: async () => (await import('./flags/import.ts')).declareImport,
  },
  {
    name: 'quantise',
    takes: '<source>',
    description: 'a smaller, faster form of a model or of the students of a run: 8 bits, or weights in half precision',
    load: async () => (await import('./flags/quantise.ts')).declareQuantise,
  },
  {
    name: 'pack',
    takes: '<model>',
    description: 'a model to give away: with the page as static files, or as an npm package',
    load: async () => (await import('./flags/pack.ts')).declarePack,
  },
  {
    name: 'serve',
    takes: '[folder]',
    description: 'open the page for this machine only: viewer, segmentation in the browser, report',
    load: async () => (await import('./flags/serve.ts')).declareServe,
  },
  {
    name: 'status',
    takes: '<folder>',
    description: 'list the state of every unit of a run or sweep, wherever it runs',
    load: async () => (await import('./flags/status.ts')).declareStatus,
  },
  {
    name: 'cancel',
    takes: '<folder>',
    description: 'stop a run or sweep with checkpoints, wherever it runs; voxstill retry continues it',
    load: async () => (await import('./flags/cancel.ts')).declareCancel,
  },
  {
    name: 'retry',
    takes: '<folder>',
    description: 'restart the units of a run or sweep that were lost, cancelled or never started',
    load: async () => (await import('./flags/retry.ts')).declareRetry,
  },
  {
    name: 'collect',
    takes: '<folder>',
    description: 'write tables and report from the finished units of a run or sweep',
    load: async () => (await import('./flags/collect.ts')).declareCollect,
  },
  {
    name: 'unit',
    takes: '<folder> [index]',
    description: 'run one unit of a run or sweep, as a batch system starts it',
    load: async () => (await import('./flags/unit.ts')).declareUnit,
  },
];
