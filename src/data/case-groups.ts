/**
 * Groups of cases (site, scanner, sex, age band) from a CSV file: a column `case`, and one for each way to group.
 * Scores are listed for each group, so that a mean hides no group that does badly.
 */
import { InputError } from '../core/errors.ts';

/** One way to group cases. */
export interface CaseGrouping {
  /** Title of the column. */
  readonly by: string;
  /** Group by case; a case without an entry is in none. */
  readonly groupOf: ReadonlyMap<string, string>;
}

/** Fields of a CSV text by line (RFC 4180, quoted fields too); empty lines are left out. */
function fieldsOf(text: string): readonly (readonly string[])[] {
  const lines: string[][] = [];
  let [line, field, isQuoted]: [string[], string, boolean] = [[], '', false];
  const endField = (): void => {
    line.push(field.trim());
    field = '';
  };
  const endLine = (): void => {
    endField();
    if (line.some(one => one !== '')) lines.push(line);
    line = [];
  };
  for (let at = 0; at < text.length; at++) {
    const character = text[at]!;
    if (isQuoted) {
      if (character !== '"') field += character;
      else if (text[at + 1] === '"') field += text[++at];
      else isQuoted = false;
    } else if (character === '"') isQuoted = true;
    else if (character === ',') endField();
    else if (character === '\n') endLine();
    else if (character !== '\r') field += character;
  }
  endLine();
  return lines;
}

/**
 * Reads the groups.
 * @param ids cases of the data set; not checked if not given
 * @param path for messages
 * @throws {InputError} E_GROUPS if there is no column `case`, no other column, a case twice, or a case that the data
 * set does not have
 */
export function parseCaseGroups(
  text: string,
  { ids, path }: { readonly ids?: readonly string[]; readonly path: string },
): readonly CaseGrouping[] {
  const [header = [], ...rows] = fieldsOf(text.replace(/^\ufeff/, ''));
  const caseColumn = header.indexOf('case');
  const others = header.flatMap((title, column) => (column === caseColumn || title === '' ? [] : [{ title, column }]));
  if (caseColumn < 0 || others.length === 0 || new Set(header).size < header.length) {
    throw new InputError(
      'E_GROUPS',
      `${path} has the columns ${header.join(', ') || 'none'}. It must be a CSV file with a column "case" and one column for each way to group, such as "site".`,
    );
  }
  const named = rows.map(row => row[caseColumn] ?? '');
  const known = ids === undefined ? undefined : new Set(ids);
  const wrong = named.filter((id, index) => known?.has(id) === false || named.indexOf(id) !== index);
  if (wrong.length > 0) {
    throw new InputError(
      'E_GROUPS',
      `${path} names cases twice, or cases that the data set does not have: ${wrong.slice(0, 5).join(', ')}. Each line is one case of the data set.`,
    );
  }
  return others.map(({ title, column }) => ({
    by: title,
    groupOf: new Map(rows.flatMap((row, index) => (row[column] ? [[named[index]!, row[column]] as const] : []))),
  }));
}
