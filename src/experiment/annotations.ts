/** The data set of a recipe, with what was looked for in each case, from the recipe or a file. */
import { z } from 'zod';
import { type AnnotatedNames, withAnnotations } from '../data/annotated-classes.ts';
import { type Dataset, openDataset } from '../data/dataset.ts';
import type { Recipe } from '../recipe/schema.ts';
import type { Files } from '../runtime/files.ts';
import { type JsonForm, readJson } from '../runtime/json-file.ts';

const annotationsFile: JsonForm<AnnotatedNames> = {
  schema: z.record(z.string().min(1), z.array(z.string().min(1)).min(1)),
  code: 'E_ANNOTATED',
  advice: 'It must hold { "<case id, or part of it with *>": ["<class>", ...] }.',
};

function isFile(asked: object): asked is { readonly file: string } {
  return 'file' in asked && typeof asked.file === 'string';
}

/**
 * Opens the data set of a recipe.
 * @throws {InputError} as openDataset; E_ANNOTATED
 */
export async function openAnnotated(
  files: Files,
  { dataset: folder, annotated, synthesize }: Recipe['data'],
): Promise<Dataset> {
  const dataset = await openDataset(files, folder, { synthesize });
  if (annotated === null) return dataset;
  return withAnnotations(
    dataset,
    isFile(annotated) ? await readJson(files, annotated.file, annotationsFile) : annotated,
  );
}
