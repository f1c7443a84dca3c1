/** `voxstill serve [RUN]`: the page with viewer, segmentation in the browser, and a run's models, curves and report. */
import { servePage } from '../../platform/node/page.ts';
import type { AddCommand } from '../program.ts';
import { wholeNumber } from '../values.ts';

interface Flags {
  readonly port: number;
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise(resolve => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
}

export const addServe: AddCommand = (program, start) => {
  program
    .command('serve')
    .description('the page: viewer, segmentation in the browser, report; for this machine only')
    .argument('[run]', 'folder of a run, finished or still running')
    .option('--port <n>', 'where to listen; 0 takes any that is free', wholeNumber(0), 0)
    .action((run: string | undefined, { port }: Flags) =>
      start(async ({ progress, signal }) => {
        const { url, close } = await servePage({ ...(run !== undefined && { run }), port });
        progress.log(`serving ${run ?? 'the page'} at ${url} (Ctrl-C ends)`);
        await aborted(signal);
        await close();
        return { json: { url }, text: `served ${url}` };
      }),
    );
};
