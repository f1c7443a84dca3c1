/**
 * The page as `voxstill serve` offers it: the built files, among them the WebAssembly of ONNX Runtime and of the image
 * codecs, and a run or sweep.
 */
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { InputError } from '../../core/errors.ts';
import { isStudy, readStudyOverview } from '../../study/overview.ts';
import type { OutsideState } from '../../study/units/executor.ts';
import { PAGE_POLICY } from '../web/policy.ts';
import { nodeFiles } from './files.ts';
import { thisMachine } from './provenance.ts';
import { type Mount, type StaticServer, startStaticServer } from './static-server.ts';

/** Content security policy of a report, which runs and loads nothing. */
const REPORT_POLICY =
  "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'";

/** Folder of the built page, three folders up from here both in src and in dist. */
export const PAGE = fileURLToPath(new URL('../../../dist/web', import.meta.url));

/** The built page as one html file, without model and WebAssembly. */
export const ONE_FILE = fileURLToPath(new URL('../../../dist/one-file/page.html', import.meta.url));

export interface PageOptions {
  /** Folder of a run or sweep; the page works alone if not given. */
  readonly run?: string;
  /** States of its units in the batch system, by index; read at every look. */
  readonly outside?: () => Promise<ReadonlyMap<number, OutsideState>>;
  /** Port; 0 takes any free one. */
  readonly port: number;
  /** Whether pages are cross-origin isolated, as in StaticServerOptions. */
  readonly isolated?: boolean;
}

async function mountsOf({ run, outside }: PageOptions): Promise<readonly Mount[]> {
  const shared: readonly Mount[] = [{ prefix: '/', folder: PAGE, isCompressed: true }];
  if (run === undefined) return shared;
  if (!(await isStudy(nodeFiles, run))) {
    throw new InputError(
      'E_RUN',
      `${run} is not the folder of a run or sweep: there is neither run.json nor sweep.json nor an arm in it.`,
    );
  }
  const folder = resolve(run);
  const look = async () => {
    const said = await outside?.();
    return readStudyOverview({ files: nodeFiles, machine: thisMachine, ...(said && { outside: said }) }, folder);
  };
  return [{ path: '/run.json', document: look }, { prefix: '/run/', folder }, ...shared];
}

/**
 * Serves the page, and a run or sweep if there is one, to this machine.
 * @throws {InputError} E_RUN if the folder is not a run or sweep, E_PAGE if the page has not been built, E_PORT
 */
export async function servePage(options: PageOptions): Promise<StaticServer> {
  const { port, isolated = true } = options;
  if (!(await nodeFiles.exists(join(PAGE, 'index.html')))) {
    throw new InputError('E_PAGE', `the page is not built: there is no ${PAGE}/index.html. Run npm run build:web.`);
  }
  const policy = (path: string): string =>
    path.startsWith('/run/') ? REPORT_POLICY : `${PAGE_POLICY}; frame-ancestors 'none'`;
  return startStaticServer({ mounts: await mountsOf(options), port, policy, isolated });
}
