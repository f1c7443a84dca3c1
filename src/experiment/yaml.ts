/** YAML for people: short lists on one line, everything else in blocks. */
import { Document, isScalar, visit } from 'yaml';

/** The content as YAML text with a final line break. */
export function formatYaml(content: object): string {
  const document = new Document(content);
  visit(document, {
    Seq: (_, list) => {
      list.flow = list.items.every(item => isScalar(item));
    },
  });
  return document.toString({ lineWidth: 120, flowCollectionPadding: false });
}
