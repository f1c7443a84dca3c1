/**
 * Names that come from outside (case ids, folders of units) and become part of a path. A name must stay one name: it
 * can neither lead elsewhere nor hide what it is from whoever reads a listing.
 */

/**
 * Bytes of a file's name that common file systems take, less what is added to an id: endings, numbers, a temporary
 * suffix.
 */
const MOST_BYTES = 180;

/**
 * What keeps a text from being one plain name of a file or folder.
 * @returns half a sentence such as `has a "/"`; undefined where nothing does
 */
export function nameProblem(name: string): string | undefined {
  if (name === '') return 'is empty';
  if (/^\.+$/.test(name)) return 'is made of dots alone';
  const separator = /[/\\]/.exec(name)?.[0];
  if (separator !== undefined) return `has a "${separator}"`;
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is looked for
  if (/[\u0000-\u001f\u007f-\u009f\u2028-\u202e\u2066-\u2069]/.test(name)) return 'has a control character';
  const bytes = new TextEncoder().encode(name).length;
  if (bytes > MOST_BYTES) return `is ${bytes} bytes long, where ${MOST_BYTES} are the most`;
  return undefined;
}

/**
 * A relative path below a folder, without `./`; undefined for one that leads out of the folder, by whatever system's
 * rules.
 */
export function pathInside(path: string): string | undefined {
  const parts = path.split('/').filter(part => part !== '.' && part !== '');
  const leaves = path.startsWith('/') || /^[A-Za-z]:/.test(path) || /[\\\0]/.test(path) || parts.includes('..');
  return leaves || parts.length === 0 ? undefined : parts.join('/');
}
