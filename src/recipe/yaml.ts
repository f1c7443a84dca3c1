/**
 * Parses single YAML values, and writes readable YAML: lists of plain values, and lists of such lists, on one line;
 * everything else in blocks.
 */
import { Document, isScalar, isSeq, parse, visit } from 'yaml';

const isPlain = (item: unknown): boolean => isScalar(item) || (isSeq(item) && item.items.every(isPlain));

/** The content as YAML text with a final line break. */
export function formatYaml(content: object): string {
  const document = new Document(content, { aliasDuplicateObjects: false });
  visit(document, {
    Seq: (_, list) => {
      list.flow = list.items.every(isPlain);
    },
  });
  return document.toString({ lineWidth: 120, flowCollectionPadding: false });
}

/** Whether a value holds itself, as an alias within its own anchor makes it. */
function isCircular(value: unknown, above: ReadonlySet<unknown> = new Set(), done = new Set<unknown>()): boolean {
  if (typeof value !== 'object' || value === null || done.has(value)) return false;
  if (above.has(value)) return true;
  const path = new Set(above).add(value);
  const found = Object.values(value).some(item => isCircular(item, path, done));
  done.add(value);
  return found;
}

/** Refuses a value that holds itself, which nothing could go through to its end. @throws {Error} */
export function withoutCircles(value: unknown): unknown {
  if (isCircular(value)) throw new Error('an alias stands within the value that it repeats');
  return value;
}

/**
 * Parses a single value, such as the value of a flag.
 * @param fail called with the reason if the text is not YAML
 */
export function parseYamlValue(text: string, fail: (reason: string) => never): unknown {
  try {
    return withoutCircles(parse(text, { prettyErrors: false }));
  } catch (cause) {
    return fail(cause instanceof Error ? cause.message : String(cause));
  }
}
