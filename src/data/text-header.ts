/**
 * What must be known of an NRRD or MetaImage header before ITK reads the file: how large it says it is, and which file has the voxels.
 * Everything else in it is ITK's affair.
 * Source: https://teem.sourceforge.net/nrrd/format.html and https://itk.org/Wiki/ITK/MetaIO/Documentation
 */
import { InputError } from '../core/errors.ts';
import type { HeaderFormat } from '../runtime/image-codec.ts';
import { LARGEST_VOLUME_BYTES } from '../volume/volume.ts';

export interface TextHeader {
  /** The file beside this one that has the voxels; undefined where they follow the header. */
  readonly detachedName: string | undefined;
}

/** A header of text in front of voxels is shorter. */
const LARGEST_HEADER_BYTES = 65536;

const FIELDS = {
  nrrd: { file: /^data ?file:[ \t]*(.*?)[ \t]*$/im, sizes: /^sizes:(.*)$/im, channels: /(?!)/ },
  meta: {
    file: /^ElementDataFile[ \t]*=[ \t]*(.*?)[ \t]*$/m,
    sizes: /^DimSize[ \t]*=(.*)$/m,
    channels: /^ElementNumberOfChannels[ \t]*=(.*)$/m,
  },
} as const satisfies Record<HeaderFormat, unknown>;

/** The lines of a header, without the voxels that may follow. */
function headerText(bytes: Uint8Array, format: HeaderFormat): string {
  const text = new TextDecoder('latin1').decode(bytes.subarray(0, LARGEST_HEADER_BYTES)).replaceAll('\r\n', '\n');
  return format === 'nrrd' ? (text.split('\n\n')[0] ?? text) : text;
}

/**
 * Reads a header's own text.
 * @param path for messages
 * @throws {InputError} E_VOLUME_TOO_LARGE; E_VOLUME_PARTS for voxels in several files or in another folder
 */
export function readTextHeader(bytes: Uint8Array, format: HeaderFormat, path: string): TextHeader {
  const text = headerText(bytes, format);
  const fields = FIELDS[format];
  const numbers = (field: RegExp): number[] => (field.exec(text)?.[1]?.trim() ?? '').split(/\s+/).map(Number);
  const sizes = numbers(fields.sizes);
  const values = sizes.reduce((product, size) => product * size, numbers(fields.channels)[0] || 1);
  if (values * Float32Array.BYTES_PER_ELEMENT > LARGEST_VOLUME_BYTES) {
    throw new InputError(
      'E_VOLUME_TOO_LARGE',
      `${path} declares ${sizes.join('x')} voxels; at most ${LARGEST_VOLUME_BYTES} bytes of float32 voxels can be read. ` +
        'Crop or resample it, or check whether the file is damaged.',
    );
  }
  const name = fields.file.exec(text)?.[1];
  if (name === undefined || (format === 'meta' && name.toUpperCase() === 'LOCAL')) return { detachedName: undefined };
  if (/[/\\%\0]/.test(name) || /^(list\b|\.*$)/i.test(name)) {
    throw new InputError(
      'E_VOLUME_PARTS',
      `${path} keeps its voxels in "${name}". Only one file beside the header is read; convert the volume to a single file.`,
    );
  }
  return { detachedName: name };
}
