/**
 * Segments one volume of any format: `node segment.js MODEL.onnx SCAN OUTPUT`. The output has the grid and geometry of
 * the scan; its name decides its format.
 */
import { openModel, readModelFile, segment } from 'voxstill';
import { createNodeEngine, createNodeSources, encodeLabels, readVolume } from 'voxstill/node';

const [modelPath, scanPath, outputPath] = process.argv.slice(2);
if (modelPath === undefined || scanPath === undefined || outputPath === undefined) {
  throw new Error('usage: node segment.js MODEL.onnx SCAN OUTPUT');
}

const sources = createNodeSources();
const model = await readModelFile(sources.files, modelPath);
const session = await openModel(await createNodeEngine(), model);
const { volume, header } = await readVolume(sources, scanPath);
const { labels, warnings } = await segment(session, model.info, volume, { id: scanPath });
await session.dispose();
for (const { message } of warnings) console.warn(message);

await sources.files.write(outputPath, encodeLabels(labels, { path: outputPath, header }));
for (const { name, value } of model.info.labels) {
  console.log(`${name}: ${labels.data.filter(label => label === value).length} voxels`);
}
