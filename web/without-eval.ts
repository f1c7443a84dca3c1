/**
 * Keeps zod from trying whether it may compile code: the policy of the page forbids it, and Firefox writes every try
 * into its console as an error. Imported before anything else by the page and each of its workers; the start of the
 * page has no zod yet, so the setting is put where zod looks for it.
 */
const place = globalThis as { __zod_globalConfig?: { jitless?: boolean } };
place.__zod_globalConfig ??= {};
place.__zod_globalConfig.jitless = true;

export {};
