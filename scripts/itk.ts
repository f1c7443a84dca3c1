/**
 * Writes itk/: ITK's readers and writers as WebAssembly, from the development packages that hold them among hundreds of megabytes of others.
 * It is built and published with the program, so a user installs none of those packages. The programs are packed by gzip, which every
 * browser and Node unpack by themselves; as published they are packed by Zstandard.
 */
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { ZSTDDecoder } from '@thewtex/zstddec';

const TARGET = fileURLToPath(new URL('../itk', import.meta.url));
/** The programs that are taken, by package. */
const SOURCES = {
  '@itk-wasm/dicom': ['read-image-dicom-file-series'],
  '@itk-wasm/image-io': ['meta-read-image', 'meta-write-image', 'nrrd-read-image', 'nrrd-write-image'],
} as const;

function noticeOf(versions: readonly string[]): string {
  return `ITK, the Insight Toolkit (https://itk.org), compiled to WebAssembly by ITK-Wasm (https://wasm.itk.org).
Unchanged from the packages ${versions.join(' and ')}, but for the packing of the .wasm files.

Copyright NumFOCUS and the Insight Software Consortium. Licensed under the Apache License 2.0; see LICENSE.
The programs contain third-party libraries that come with ITK (among them GDCM, MetaIO, NrrdIO, OpenJPEG, CharLS, libjpeg, zlib and Expat),
each under its own permissive licence: see Modules/ThirdParty in ITK's sources.
`;
}

/** Writes the folder where it is missing or made from other versions. */
export async function writePipelines(): Promise<void> {
  const packages = Object.entries(SOURCES).map(([name, pipelines]) => ({
    folder: fileURLToPath(new URL(`../node_modules/${name}`, import.meta.url)),
    pipelines,
  }));
  const versions = packages.map(({ folder }) => {
    const { name, version } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as Record<string, string>;
    return `${name} ${version}`;
  });
  const notice = noticeOf(versions);
  const mark = join(TARGET, 'NOTICE');
  if (existsSync(mark) && readFileSync(mark, 'utf8') === notice) return;
  rmSync(TARGET, { recursive: true, force: true });
  mkdirSync(TARGET);
  const decoder = new ZSTDDecoder();
  await decoder.init();
  for (const { folder, pipelines } of packages) {
    for (const name of pipelines) {
      const source = join(folder, 'dist/pipelines', name);
      const program = decoder.decode(readFileSync(`${source}.wasm.zst`));
      writeFileSync(join(TARGET, `${name}.wasm.gz`), gzipSync(program, { level: 9 }));
      writeFileSync(join(TARGET, `${name}.js`), readFileSync(`${source}.js`));
    }
  }
  writeFileSync(join(TARGET, 'LICENSE'), readFileSync(join(packages[0]!.folder, 'LICENSE')));
  // last, since it says that the folder is complete
  writeFileSync(mark, notice);
}
