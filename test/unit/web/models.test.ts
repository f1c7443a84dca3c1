import { expect, it } from 'vitest';
import { readDroppedModels } from '../../../web/models.ts';
import { modelBytes } from '../../support/laboratory.ts';

it('asks for a JSON file beside a model that lacks facts, since a page has no flags', async () => {
  const file = new File([modelBytes({}, ['N', 1, 'D', 'H', 'W']).slice()], 'bare.onnx');
  await expect(readDroppedModels([{ path: 'models/bare.onnx', file }])).rejects.toMatchObject({
    code: 'E_MODEL_INFO',
    message: expect.stringMatching(
      /^models\/bare\.onnx does not say its labels, normalize, patch, activation\. Write bare\.json .* open both files together/,
    ),
  });
});
