/** Writes docs/errors.md. Run after every change of the list of codes. */
import { writeFileSync } from 'node:fs';
import { errorsPage } from './errors-page.ts';

writeFileSync(new URL('../docs/errors.md', import.meta.url), errorsPage());
