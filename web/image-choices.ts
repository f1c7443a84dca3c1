/** The images among dropped files, so that one of several can be chosen: image files, and DICOM series by tags. */
import { type DicomSeries, dicomContents } from '../src/data/dicom/series.ts';
import { onePerPair } from '../src/data/nifti-pair.ts';
import type { VolumeSources } from '../src/data/volume-file.ts';
import { isImageName } from '../src/data/volume-name.ts';

/** One image among the dropped files. */
export interface ImageChoice {
  /** File of the image; `.` for a DICOM series. */
  readonly path: string;
  /** SeriesInstanceUID. */
  readonly series?: string;
  /** Name for people. */
  readonly title: string;
  /** Number and size of the pictures of a series. */
  readonly facts: string;
}

function ofSeries({ uid, slices }: DicomSeries): ImageChoice {
  const [first] = slices;
  const title = first?.description || (uid === '' ? 'series without a number' : `series ${uid}`);
  const size = `${first?.pixel.columns} × ${first?.pixel.rows}`;
  return {
    path: '.',
    series: uid,
    title,
    facts: `${slices.length} picture${slices.length === 1 ? '' : 's'} of ${size}`,
  };
}

/** The images among files that all lie in `.`; series that cannot be read are none. */
export async function imagesAmong(sources: VolumeSources, paths: readonly string[]): Promise<readonly ImageChoice[]> {
  const images = paths.filter(isImageName);
  const files = onePerPair(images).map((path): ImageChoice => ({ path, title: path, facts: '' }));
  if (images.length === paths.length) return files;
  const { series } = await dicomContents(sources, '.', { nested: true, headsOnly: true });
  return [...files, ...series.filter(({ slices }) => slices.length > 0).map(ofSeries)];
}
