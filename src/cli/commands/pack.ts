/** `voxstill pack M.onnx --out FOLDER`: a model with the page, or as an npm package, to give away. */
import { formatBytes } from '../../core/format.ts';
import { packModel } from '../../platform/node/pack.ts';
import type { PackFlags } from '../flags/pack.ts';
import type { CommandSession, Outcome } from '../session.ts';

/** The name of a file that is not called `model`, else of its folder. */
function nameOf(model: string): string {
  const [own = '', folder = ''] = model.split('/').toReversed();
  const name = own.replace(/\.onnx$/i, '');
  return name === 'model' && /[^.]/.test(folder) ? folder : name;
}

/** Writes the folder. */
export async function pack(model: string, flags: PackFlags, _session: CommandSession): Promise<Outcome> {
  const { out, as: kind, name = nameOf(model) } = flags;
  const { files, bytes, hasCard } = await packModel({ model, out, kind, name });
  const use =
    kind === 'page'
      ? `Put it on any file server, for example npx http-server ${out}; its file _headers names two headers that make it use all cores.`
      : `Try it with npm install ${out}, publish it with npm publish ${out}.`;
  const card = hasCard ? '' : ' There is no model-card.md near the model, so it has none.';
  const text = `${out}: ${files} files, ${formatBytes(bytes)}. ${use}${card}`;
  return { json: { model, out, as: kind, name, files, bytes, hasCard }, text };
}
