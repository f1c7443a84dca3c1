/** Volumes of formats beyond NIfTI through the program, on a machine without a network. */
import { rmSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, it } from 'vitest';
import { temporaryFolder, voxstill } from '../support/program.ts';

const folder = temporaryFolder();
const fixtures = fileURLToPath(new URL('../fixtures/formats', import.meta.url));
afterAll(() => rmSync(folder, { recursive: true }));

/** Every way out says so on stderr; inherited by the threads of the program. */
const NO_NETWORK = `--import=data:text/javascript,${encodeURIComponent(`
  import net from 'node:net';
  import dns from 'node:dns';
  const refuse = () => { process.stderr.write('NETWORK'); throw new Error('no network'); };
  net.Socket.prototype.connect = refuse;
  dns.lookup = refuse;
`)}`;

describe('inspect without a network', () => {
  it.each(['int16.nrrd', 'separate-zlib.mhd', 'dicom-oblique', 'dicom-oblique/IM01.dcm'])('reads %s', async name => {
    const call = await voxstill(['inspect', `${fixtures}/${name}`, '--json'], { cwd: folder, nodeOptions: NO_NETWORK });
    expect(call.stderr).not.toContain('NETWORK');
    expect(call, call.stderr).toMatchObject({ code: 0 });
    expect(JSON.parse(call.stdout)).toMatchObject({
      kind: 'volume',
      channels: 1,
      axes: expect.stringMatching(/^[RL][AP][SI]$/),
      warnings: [],
    });
  });

  it('notices a way out', async () => {
    const call = await voxstill(['--version'], {
      cwd: folder,
      nodeOptions: `${NO_NETWORK} --import=data:text/javascript,fetch('http://localhost')`,
    });
    expect(call.stderr).toContain('NETWORK');
  });

  it('reports a file that is no image in one line', async () => {
    const call = await voxstill(['inspect', `${fixtures}/expected.json`], { cwd: folder });
    expect(call).toMatchObject({ code: 2, stdout: '' });
    expect(call.stderr).toMatch(/^E_INSPECT: [^\n]+\n$/);
  });
});
