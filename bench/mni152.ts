/**
 * Grey and white matter of a model of heads on the MNI152 template that PyPI's nilearn carries, against the maps that
 * lie beside it: `npx tsx bench/mni152.ts MODEL.onnx FOLDER`, where FOLDER is `nilearn/datasets/data` of its unpacked
 * wheel (0.14.1). The template is a T1 image without skull; the second contrast is its negative, with air left dark.
 * A voxel of the reference is grey or white where that map is at least one half. The classes of studies/heads are
 * joined to the two tissues by name; a model with other names is an error, so that no class is left out by mistake.
 */
import { join, resolve } from 'node:path';
import { openModel, readModelFile, segment } from '../src/index.ts';
import { createNodeEngine, createNodeSources, readVolume } from '../src/platform/node/index.ts';

const GREY = [
  'cerebral cortex',
  'cerebellar cortex',
  'thalamus',
  'caudate and accumbens',
  'putamen and pallidum',
  'hippocampus and amygdala',
];
const WHITE = ['cerebral white matter', 'cerebellar white matter', 'brain stem'];
const NEITHER = ['background', 'cerebrospinal fluid'];
const HALF = 127.5;

const [modelPath, folder] = process.argv.slice(2);
if (modelPath === undefined || folder === undefined)
  throw new Error('usage: npx tsx bench/mni152.ts MODEL.onnx FOLDER');
const sources = createNodeSources();
const model = await readModelFile(sources.files, resolve(modelPath));
for (const { name } of model.info.labels) {
  if (![...GREY, ...WHITE, ...NEITHER].includes(name)) throw new Error(`it is not known which tissue "${name}" is`);
}
const session = await openModel(await createNodeEngine(), model);

const read = async (kind: string) =>
  (await readVolume(sources, join(folder, `mni_icbm152_${kind}_tal_nlin_sym_09a_converted.nii.gz`))).volume;
const [image, grey, white] = await Promise.all([read('t1'), read('gm'), read('wm')]);

/** Dice of what has one of the names and what is in the map: 2 |A and B| / (|A| + |B|). */
function dice(labels: ArrayLike<number>, names: readonly string[], map: ArrayLike<number>): number {
  const values = new Set(model.info.labels.filter(({ name }) => names.includes(name)).map(({ value }) => value));
  let [both, sum] = [0, 0];
  for (let i = 0; i < map.length; i++) {
    const [found, there] = [values.has(labels[i] ?? 0), (map[i] ?? 0) > HALF];
    if (found && there) both += 1;
    sum += Number(found) + Number(there);
  }
  return (2 * both) / sum;
}

const largest = image.data.reduce((most, value) => Math.max(most, value), 0);
const contrasts = { T1: image.data, negative: image.data.map(value => (value > 0 ? largest - value : 0)) };
for (const [name, data] of Object.entries(contrasts)) {
  const { labels, warnings } = await segment(session, model.info, { ...image, data }, { id: name });
  const [g, w] = [dice(labels.data, GREY, grey.data), dice(labels.data, WHITE, white.data)];
  console.log(`${name}: grey matter ${g.toFixed(3)}, white matter ${w.toFixed(3)}`);
  for (const { message } of warnings) console.log(`  ${message}`);
}
await session.dispose();
