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

/**
 * Parses a single value, such as the value of a flag.
 * @param fail called with the reason if the text is not YAML
 */
export function parseYamlValue(text: string, fail: (reason: string) => never): unknown {
  try {
    return parse(text, { prettyErrors: false });
  } catch (cause) {
    return fail(cause instanceof Error ? cause.message : String(cause));
  }
}
