/** The images among dropped files, so that one of several can be chosen: image files, and DICOM series by tags. */
import { type DicomSeries, dicomContents } from '../src/data/dicom/series.ts';
import { seriesThumbnail, type Thumbnail } from '../src/data/dicom/thumbnail.ts';
import { onePerPair } from '../src/data/nifti-pair.ts';
import type { VolumeSources } from '../src/data/volume-file.ts';
import { isImageName } from '../src/data/volume-name.ts';

/** One image among the dropped files. */
export interface ImageChoice {
  /** File of the image; `.` for a DICOM series. */
  readonly path: string;
  /** SeriesInstanceUID. */
  readonly series?: string;
  /** The frame that is wanted of an image with several, from 1; all of them where it is not said. */
  readonly frame?: number;
  /** Name for people. */
  readonly title: string;
  /** Number and size of the pictures of a series. */
  readonly facts: string;
  /** The middle slice of a series; null where there is no picture of it. */
  readonly picture?: Thumbnail | null;
}

/** Longest side of a picture: 64 pixels on screens that have two for each. */
const PICTURE_PX = 128;
/** Among more series than this nobody looks for one by its picture. */
const MOST_PICTURES = 200;

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
  const contents = await dicomContents(sources, '.', { nested: true, headsOnly: true });
  const series = contents.series.filter(({ slices }) => slices.length > 0);
  const choices: ImageChoice[] = [];
  for (const [index, one] of series.entries()) {
    // nobody is asked about a series alone
    const isAsked = files.length + series.length > 1;
    const isDrawn = isAsked && index < MOST_PICTURES;
    const picture = isDrawn ? await seriesThumbnail(sources, one.slices, PICTURE_PX) : undefined;
    choices.push({ ...ofSeries(one), ...(isAsked && { picture: picture ?? null }) });
  }
  return [...files, ...choices];
}
