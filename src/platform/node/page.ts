/**
 * The page as `voxstill serve` offers it: the built files, ONNX Runtime's and ITK's WebAssembly, and a run.
 * The big WebAssembly files of the page are those of the installed packages, byte for byte, so the package does not carry them twice.
 */
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { InputError } from '../../core/errors.ts';
import { isRun } from '../../experiment/read-run.ts';
import { readRunOverview } from '../../experiment/run-overview.ts';
import { PAGE_POLICY } from '../web/policy.ts';
import { nodeFiles } from './files.ts';
import { type Mount, type StaticServer, startStaticServer } from './static-server.ts';

/** A report runs nothing and loads nothing. */
const REPORT_POLICY =
  "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'";

/** Folder of the built page, three folders up from here both in src and in dist. */
const PAGE = fileURLToPath(new URL('../../../dist/web', import.meta.url));

const packageFolder = (entry: string): string => dirname(fileURLToPath(import.meta.resolve(entry)));

export interface PageOptions {
  /** Folder of a run; the page stands alone if not given. */
  readonly run?: string;
  /** 0 takes any that is free. */
  readonly port: number;
  /** As StaticServerOptions. */
  readonly isolated?: boolean;
}

async function mountsOf(run: string | undefined): Promise<readonly Mount[]> {
  const runtime = packageFolder('onnxruntime-web/ort-wasm-simd-threaded.wasm');
  const pipelines = ['@itk-wasm/image-io', '@itk-wasm/dicom'].map(name => join(packageFolder(name), 'pipelines'));
  const shared: readonly Mount[] = [
    { prefix: '/', folder: PAGE },
    { prefix: '/runtime/', folder: runtime },
    ...pipelines.map(folder => ({ prefix: '/pipelines/', folder }) as const),
  ];
  if (run === undefined) return shared;
  if (!(await isRun(nodeFiles, run))) {
    throw new InputError('E_RUN', `${run} is not the folder of a run: there is neither run.json nor an arm in it.`);
  }
  const folder = resolve(run);
  return [
    { path: '/run.json', document: () => readRunOverview(nodeFiles, folder) },
    { prefix: '/run/', folder },
    ...shared,
  ];
}

/**
 * Serves the page, and a run if there is one, to this machine.
 * @throws {InputError} E_RUN if the folder is no run, E_PAGE if the page has not been built, E_PORT
 */
export async function servePage({ run, port, isolated = true }: PageOptions): Promise<StaticServer> {
  if (!(await nodeFiles.exists(join(PAGE, 'index.html')))) {
    throw new InputError('E_PAGE', `the page is not built: there is no ${PAGE}/index.html. Run npm run build:web.`);
  }
  const policy = (path: string): string =>
    path.startsWith('/run/') ? REPORT_POLICY : `${PAGE_POLICY}; frame-ancestors 'none'`;
  return startStaticServer({ mounts: await mountsOf(run), port, policy, isolated });
}
