/**
 * `voxstill import` and the sources of models through the built program: what is written, and what is refused before
 * anything is.
 */
import { cpSync, existsSync, readdirSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { nnunetCase, nnunetFolder } from '../support/nnunet-folders.ts';
import { type Call, temporaryFolder, voxstill } from '../support/program.ts';
import { put, torchFile } from '../support/torch-file.ts';

const folder = temporaryFolder();
afterAll(() => rmSync(folder, { recursive: true }));

const call = (...args: string[]): Promise<Call> => voxstill(args, { cwd: folder });

describe('an nnU-Net folder', () => {
  it('is imported, and the file segments as the folder does', async () => {
    const made = await call('import', nnunetFolder('iso'), '--out', 'iso.onnx', '--json');
    expect(made, made.stderr).toMatchObject({ code: 0 });
    const document = JSON.parse(made.stdout);
    expect(document).toMatchObject({ out: 'iso.onnx', metadata: { channels: 1, activation: 'sigmoid' } });
    expect(statSync(join(folder, 'iso.onnx')).size).toBe(document.bytes);
    const [input = ''] = nnunetCase('iso').images;
    const volumes = [];
    for (const model of ['iso.onnx', nnunetFolder('iso')]) {
      const done = await call('predict', '--model', model, '--input', input, '--output', 'labels.nii.gz', '--json');
      expect(done, done.stderr).toMatchObject({ code: 0 });
      volumes.push(JSON.parse(done.stdout).predictions[0].volumesMl);
    }
    expect(volumes[0]).toEqual(volumes[1]);
    expect(volumes[0].core).toBeGreaterThan(0);
  });

  it('that is damaged or names what it must not is refused in one line, and nothing is written', async () => {
    const copy = join(folder, 'copy');
    const checkpoint = join(copy, 'fold_all/checkpoint_final.pth');
    const refused = async (code: string): Promise<void> => {
      const { code: exit, stderr, stdout } = await call('import', copy, '--out', 'never/copy.onnx');
      expect({ exit, stdout }, stderr).toEqual({ exit: 2, stdout: '' });
      expect(
        stderr
          .split('\n')
          .filter(line => /^E_/.test(line))
          .map(line => line.split(':')[0]),
      ).toEqual([code]);
      expect(existsSync(join(folder, 'never'))).toBe(false);
    };
    cpSync(nnunetFolder('iso'), copy, { recursive: true });
    truncateSync(checkpoint, statSync(checkpoint).size - 1000);
    await refused('E_IMPORT_CORRUPT');
    writeFileSync(checkpoint, torchFile(put.call(put.global('builtins', 'print'), put.text('hello'))));
    await refused('E_IMPORT_GLOBAL');
    rmSync(checkpoint);
    await refused('E_IMPORT_MISSING');
    expect(readdirSync(folder).filter(name => name.endsWith('.tmp'))).toEqual([]);
  });
});
