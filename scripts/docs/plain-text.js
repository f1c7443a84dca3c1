/**
 * A plugin of TypeDoc: docstrings are plain text with code in backticks, so that formulas stay as they are written.
 * Without it Markdown takes the signs of a formula (`*`, `_`, `<`, `|`, `^`, `~`) for its own. It also names the entry
 * points.
 */
import { Converter } from 'typedoc';

/** The entry points as users import them. */
const ENTRY_POINTS = { index: 'voxstill', 'platform/node': 'voxstill/node', 'platform/web': 'voxstill/web' };

/** @param {string} text */
function escaped(text) {
  return text.replace(/[\\*_~|<>[\]#]/g, sign => `\\${sign}`);
}

/** @param {import('typedoc').Application} app */
export function load(app) {
  app.converter.on(Converter.EVENT_RESOLVE_BEGIN, context => {
    for (const entry of context.project.children ?? []) entry.name = ENTRY_POINTS[entry.name] ?? entry.name;
    for (const reflection of Object.values(context.project.reflections)) {
      const { comment } = reflection;
      if (comment === undefined) continue;
      for (const parts of [comment.summary, ...comment.blockTags.map(({ content }) => content)]) {
        for (const part of parts) if (part.kind === 'text') part.text = escaped(part.text);
      }
    }
  });
}
