/**
 * The patients of cases. All cases of one patient belong in one split, since scans of a patient in training say little
 * about other patients. The recipe defines the patients: a pattern whose first group is the patient in a case's id, or
 * a table from ids to patients.
 */

import { z } from 'zod';
import { InputError } from '../core/errors.ts';
import { listSome } from '../core/format.ts';
import { type JsonForm, parseJson } from '../runtime/json-file.ts';

/** The patient of a case. */
export type PatientOf = (id: string) => string;

const patientsFile: JsonForm<Readonly<Record<string, string>>> = {
  schema: z.record(z.string(), z.string().min(1)),
  code: 'E_PATIENTS',
  advice: 'It must hold { "<case id>": "<patient>" }, all of them text.',
};

/** Every case is a separate patient. */
export const eachCaseItsOwnPatient: PatientOf = id => id;

function refuse(ids: readonly string[], reason: string): InputError {
  return new InputError('E_PATIENTS', `${reason}: ${listSome(ids)}.`);
}

/**
 * Patients by a part of the ids: `^(.+?)_` makes "p7_left" and "p7_right" patient "p7".
 * @param pattern a regular expression whose first group is the patient
 * @throws {InputError} E_PATIENTS naming ids that it does not match
 */
export function patientsByPattern(ids: readonly string[], pattern: string): PatientOf {
  const expression = new RegExp(pattern);
  const patientOf = (id: string): string | undefined => expression.exec(id)?.[1];
  const strangers = ids.filter(id => patientOf(id) === undefined);
  if (strangers.length > 0) {
    throw refuse(strangers, `data.patients.pattern ${pattern} finds no patient in the ids of these cases`);
  }
  return id => patientOf(id) as string;
}

/**
 * Patients by a table, JSON `{ "<case id>": "<patient>" }`.
 * @param path for messages
 * @throws {InputError} E_PATIENTS for other content, or naming ids that are not in it
 */
export function patientsByTable(ids: readonly string[], text: string, path: string): PatientOf {
  const table = new Map(Object.entries(parseJson(text, path, patientsFile)));
  const strangers = ids.filter(id => !table.has(id));
  if (strangers.length > 0) throw refuse(strangers, `${path} names no patient for these cases`);
  return id => table.get(id) as string;
}
