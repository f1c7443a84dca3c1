/** The commands of the program, as its help lists them. Nothing here loads a command: only the one that is called is imported. */
import type { ListedCommand } from './program.ts';

/** In the order of the help. */
export const COMMANDS: readonly ListedCommand[] = [
  {
    name: 'demo',
    takes: '',
    description: 'the whole experiment on generated phantoms',
    load: async () => (await import('./flags/demo.ts')).declareDemo,
  },
  {
    name: 'run',
    takes: '<recipe>',
    description: 'teacher, student, baseline, evaluation and report, as the recipe says',
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
    description: 'every combination of a grid, the Pareto front, and the smallest student that is good enough',
    load: async () => (await import('./flags/sweep.ts')).declareSweep,
  },
  {
    name: 'evaluate',
    takes: '',
    description: 'Dice and surface distances of a model, per case and class',
    load: async () => (await import('./flags/evaluate.ts')).declareEvaluate,
  },
  {
    name: 'predict',
    takes: '',
    description: 'segment volumes',
    load: async () => (await import('./flags/predict.ts')).declarePredict,
  },
  {
    name: 'compare',
    takes: '<sources...>',
    description: 'arms or runs side by side, with paired tests',
    load: async () => (await import('./flags/compare.ts')).declareCompare,
  },
  {
    name: 'validate',
    takes: '<dataset>',
    description: 'every problem of a data set at once',
    load: async () => (await import('./flags/validate.ts')).declareValidate,
  },
  {
    name: 'plan',
    takes: '<dataset>',
    description: 'what a data set is like, and a recipe that trains on it',
    load: async () => (await import('./flags/plan.ts')).declarePlan,
  },
  {
    name: 'inspect',
    takes: '<path>',
    description: 'what a model, volume or run is',
    load: async () => (await import('./flags/inspect.ts')).declareInspect,
  },
  {
    name: 'serve',
    takes: '[folder]',
    description: 'the page: viewer, segmentation in the browser, report; for this machine only',
    load: async () => (await import('./flags/serve.ts')).declareServe,
  },
  {
    name: 'status',
    takes: '<folder>',
    description: 'where every unit of a run or sweep stands, wherever it runs',
    load: async () => (await import('./flags/status.ts')).declareStatus,
  },
  {
    name: 'cancel',
    takes: '<folder>',
    description: 'stop a run or sweep at the next safe points, wherever it runs; voxstill retry goes on',
    load: async () => (await import('./flags/cancel.ts')).declareCancel,
  },
  {
    name: 'retry',
    takes: '<folder>',
    description: 'start again the units of a run or sweep that were lost, cancelled or never started',
    load: async () => (await import('./flags/retry.ts')).declareRetry,
  },
  {
    name: 'collect',
    takes: '<folder>',
    description: 'put together tables and report of what is finished of a run or sweep',
    load: async () => (await import('./flags/collect.ts')).declareCollect,
  },
  {
    name: 'unit',
    takes: '<folder> [index]',
    description: 'do one unit of a run or sweep, as a batch system starts it',
    load: async () => (await import('./flags/unit.ts')).declareUnit,
  },
];
