/** `voxstill pack M.onnx --out PATH`: a model with the page, or as an npm package, to give away. */
import { InputError } from '../../core/errors.ts';
import { formatBytes } from '../../core/format.ts';
import { type PackKind, packModel } from '../../platform/node/pack.ts';
import type { PackFlags } from '../flags/pack.ts';
import type { CommandSession, Outcome } from '../session.ts';

/** The name of a file that is not called `model`, else of its folder. */
function nameOf(model: string): string {
  const [own = '', folder = ''] = model.split('/').toReversed();
  const name = own.replace(/\.onnx$/i, '');
  return name === 'model' && /[^.]/.test(folder) ? folder : name;
}

/** @throws {InputError} E_USAGE where the name of the output is one of another kind */
function kindOf({ out, as: kind }: PackFlags): PackKind {
  const isHtml = /\.html?$/i.test(out);
  if (kind !== undefined && isHtml !== (kind === 'html')) {
    const wanted = kind === 'html' ? 'a file whose name ends in .html' : 'a folder, whose name does not end in .html';
    throw new InputError('E_USAGE', `--as ${kind} writes ${wanted}, but --out is ${out}.`);
  }
  return kind ?? (isHtml ? 'html' : 'page');
}

const USES: Readonly<Record<PackKind, (out: string) => string>> = {
  page: out =>
    `Put it on any file server, for example npx http-server ${out}; its file _headers names two headers that make it use all cores.`,
  html: () => 'Open it in a browser: it needs no server and asks for nothing. It computes on one core.',
  npm: out => `Try it with npm install ${out}, publish it with npm publish ${out}.`,
};

/** Writes the folder or file. */
export async function pack(model: string, flags: PackFlags, _session: CommandSession): Promise<Outcome> {
  const { out, name = nameOf(model) } = flags;
  const kind = kindOf(flags);
  const { files, bytes, hasCard } = await packModel({ model, out, kind, name });
  const card = hasCard ? '' : ' There is no model-card.md near the model, so it has none.';
  const amount = kind === 'html' ? '' : `${files} files, `;
  const text = `${out}: ${amount}${formatBytes(bytes)}. ${USES[kind](out)}${card}`;
  return { json: { model, out, as: kind, name, files, bytes, hasCard }, text };
}
