/** HTML text that is safe by construction: the `html` template escapes every value that is not itself markup. */

/** HTML that was made by {@link html} or {@link trusted}, as opposed to text of unknown origin. */
export interface Markup {
  readonly markup: string;
}

/** Values that a template accepts: text and numbers are escaped, markup and lists of it are inserted unchanged. */
export type Insertable = string | number | Markup | readonly Markup[];

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

/** Escapes text for element content and for quoted attribute values. */
function escapeText(text: string): string {
  return text.replace(/[&<>"']/g, character => ENTITIES[character]!);
}

/** Declares a string to be markup. Only for text that this package wrote or that a serialiser escaped. */
export function trusted(markup: string): Markup {
  return { markup };
}

function insert(value: Insertable): string {
  if (typeof value === 'string') return escapeText(value);
  if (typeof value === 'number') return String(value);
  return 'markup' in value ? value.markup : value.map(part => part.markup).join('');
}

/**
 * Template tag: `` html`<td>${caseId}</td>` `` with every plain value escaped. Attribute values must be in double
 * quotes.
 */
export function html(strings: TemplateStringsArray, ...values: readonly Insertable[]): Markup {
  return trusted(strings.reduce((whole, part, index) => whole + insert(values[index - 1]!) + part));
}
