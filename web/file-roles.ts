/**
 * What several images that were opened together are to each other: channels of one image, an image and its reference,
 * or images of their own. Names decide only where they leave no doubt; otherwise a person is asked.
 */
import { volumeStem } from '../src/data/volume-name.ts';
import type { ImageChoice } from './image-choices.ts';

/** What is opened as one case. */
export interface Wanted {
  /** The files of its channels in their order; at least one. */
  readonly channels: readonly ImageChoice[];
  readonly reference?: ImageChoice;
}

export type Role = 'image' | 'reference' | 'none';

/** Names of reference labels, as data sets have them. */
const REFERENCE = /(^|[^a-z])(labels?|seg|segmentations?|masks?|gt|ground[-_ ]?truth|reference|aseg|dseg)([^a-z]|$)/i;
/** Names of channels as nnU-Net has them: `case_0000`, `case_0001`. */
const CHANNEL = /^(.+)_(\d{4})$/;

/** Whether a name says that a file holds labels. */
function isReference({ title }: ImageChoice): boolean {
  return REFERENCE.test(volumeStem(title));
}

/** The role of each image as far as names say it; at most one is a reference. */
export function guessRoles(images: readonly ImageChoice[]): readonly Role[] {
  const references = images.filter(isReference);
  return images.map(image => (references.length === 1 && image === references[0] ? 'reference' : 'image'));
}

/** Whether images are the channels 0, 1, ... of one case. */
function areChannels(images: readonly ImageChoice[]): boolean {
  const parts = images.map(({ title }) => CHANNEL.exec(volumeStem(title)));
  return parts.every((part, index) => part !== null && part[1] === parts[0]?.[1] && Number(part[2]) === index);
}

/**
 * What is meant without a doubt: one image, one image with its reference, or the channels of a case by nnU-Net's names,
 * with or without a reference.
 * @param images in the order of their names
 * @returns undefined where a person must say it
 */
export function wantedWithoutDoubt(images: readonly ImageChoice[]): Wanted | undefined {
  if (images.some(({ series }) => series !== undefined) && images.length > 1) return undefined;
  const roles = guessRoles(images);
  const channels = images.filter((_, index) => roles[index] === 'image');
  const reference = images.find((_, index) => roles[index] === 'reference');
  if (channels.length === 0 || (channels.length > 1 && !areChannels(channels))) return undefined;
  return { channels, ...(reference && { reference }) };
}

/** What is opened together by the roles of images, and nothing where none is an image. */
export function wantedByRoles(images: readonly ImageChoice[], roles: readonly Role[]): Wanted | undefined {
  const channels = images.filter((_, index) => roles[index] === 'image');
  const reference = images.find((_, index) => roles[index] === 'reference');
  return channels.length === 0 ? undefined : { channels, ...(reference && { reference }) };
}
