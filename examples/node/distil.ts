/**
 * Trains a teacher, distils a student from it and a baseline without it, and compares them: `node distil.js DATA OUT
 * [STEPS]`. DATA is a Decathlon or nnU-Net raw folder. OUT becomes a run like those of `voxstill run`, so all commands
 * take it.
 */
import { createNodeLaboratory, parseRecipe, runExperiment } from 'voxstill/node';

const [data, out, steps = '400'] = process.argv.slice(2);
if (data === undefined || out === undefined) throw new Error('usage: node distil.js DATA OUT [STEPS]');

const recipe = parseRecipe(
  `
data: { dataset: ${JSON.stringify(data)}, splits: { seed: 1, train: 0.6, val: 0.2, test: 0.2 } }
patch: { size: [32, 48, 32] }
teacher: { unet: { features: [12, 24, 48] }, train: { steps: ${steps}, batch: 2 } }
student: { unet: { features: [4, 8, 16] }, train: { steps: ${steps}, batch: 2 } }
distill: { losses: [ { kd: { temperature: 2 } }, { softDice: {} } ] }
`,
  { path: 'the recipe in distil.ts' },
);
const laboratory = await createNodeLaboratory();
const { arms, pairs } = await runExperiment(laboratory, recipe, { out, resume: false });
for (const [name, { meanDice, parameters }] of Object.entries(arms)) {
  console.log(`${name}: mean Dice ${meanDice?.toFixed(3)}, ${parameters} parameters`);
}
for (const { sentence } of pairs) console.log(sentence);
console.log(`the student: ${out}/student/model.onnx`);
