/**
 * What axe-core finds in a page: everything that it knows, best practices too. What lies in frames is shown to it as
 * a page of its own, since frames of this page run no scripts.
 */
import axe from 'axe-core';
import type { Page } from 'playwright-core';
import { expect } from 'vitest';

/** A wide page in the light, and a telephone in the dark: colours do not depend on the width. */
const LOOKS = [
  { colorScheme: 'light', width: undefined },
  { colorScheme: 'dark', width: 390 },
] as const;

async function findings(page: Page): Promise<readonly string[]> {
  // not bound by the policy of the page, as a script in it would be
  await page.evaluate(axe.source);
  return page.evaluate(async () => {
    const { violations } = await (globalThis as unknown as { axe: typeof axe }).axe.run(document, { iframes: false });
    return violations.flatMap(({ id, nodes }) =>
      nodes.map(({ html, any, all, none }) => {
        const reasons = [...any, ...all, ...none].map(({ message }) => message);
        return `${id}: ${html.slice(0, 160)}: ${reasons.join('; ').slice(0, 300)}`;
      }),
    );
  });
}

/**
 * Expects that axe-core finds nothing in what the page shows, in light and dark and 390 px wide. The page is left as it
 * was.
 * @param view for the message
 */
export async function expectAccessible(page: Page, view: string): Promise<void> {
  const before = page.viewportSize();
  for (const { colorScheme, width } of LOOKS) {
    // colours that still change are those of neither
    await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' });
    if (width !== undefined) await page.setViewportSize({ width, height: 844 });
    expect.soft(await findings(page), `${view}, ${colorScheme}`).toEqual([]);
  }
  await page.emulateMedia({ colorScheme: null, reducedMotion: null });
  if (before !== null) await page.setViewportSize(before);
}
