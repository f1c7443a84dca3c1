/**
 * The report in a real browser, opened from disk: complete, quiet, readable on a telephone, on paper and without
 * colour.
 */
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { renderReport } from '../../src/report/report.ts';
import { expectAccessible } from '../support/accessibility.ts';
import { hasBrowser, launchBrowser } from '../support/browser.ts';
import { temporaryFolder } from '../support/program.ts';
import { arm, comparison, evaluation, pair } from '../unit/report/fixtures.ts';

const folder = temporaryFolder();
let browser: Browser;
let page: Page;
const requests: string[] = [];
const complaints: string[] = [];

const ARMS = ['teacher', 'student', 'baseline'] as const;
const rows = Array.from({ length: 30 }, (_, index) => ({
  step: index + 1,
  epoch: 0,
  seconds: index,
  learningRate: 0.01,
  losses: { total: 1 / (index + 1), crossEntropy: 0.5 / (index + 1) },
  ...(index % 10 === 9 && { validationDice: 0.7 + index / 200 }),
}));

beforeAll(async () => {
  if (!hasBrowser) return;
  const compared = comparison([pair('student', 'baseline', 0.01, 0.2)]);
  const cases = { one: { Anterior: 0.8, Posterior: 0.7 }, two: { Anterior: 0.9, Posterior: 0.75 } };
  const html = renderReport({
    title: 'A run',
    recipe: 'seeds: [1]\n',
    provenance: { host: 'here' },
    // arms that are all but equal, whose names must not fall on each other
    comparison: { ...compared, arms: { ...compared.arms, baseline: arm(0.8495, 6_250) } },
    evaluations: Object.fromEntries(ARMS.map(name => [name, evaluation(cases)])),
    histories: Object.fromEntries(ARMS.map(name => [name, rows])),
    montage: [],
    notes: [],
    units: [],
  });
  const path = join(folder, 'report.html');
  writeFileSync(path, html);
  browser = await launchBrowser();
  page = await browser.newPage();
  page.on('request', request => requests.push(request.url()));
  page.on('console', message => complaints.push(message.text()));
  page.on('pageerror', error => complaints.push(error.message));
  await page.goto(pathToFileURL(path).href);
});
afterAll(async () => {
  await browser?.close();
  rmSync(folder, { recursive: true });
});

/** Names of charts in which a text reaches out of the drawing or over another text. */
function troubledCharts(): Promise<readonly string[]> {
  return page.evaluate(() => {
    const overlap = (a: DOMRect, b: DOMRect): boolean =>
      Math.min(a.right, b.right) - Math.max(a.left, b.left) > 1 &&
      Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top) > 3;
    return [...document.querySelectorAll('.chart')].flatMap(chart => {
      const frame = chart.getBoundingClientRect();
      const texts = [...chart.querySelectorAll('svg text')]
        .filter(one => (one.textContent ?? '').trim() !== '')
        .map(one => one.getBoundingClientRect());
      const isOut = texts.some(box => box.left < frame.left - 2 || box.right > frame.right + 2);
      const isOver = texts.some((box, index) => texts.slice(index + 1).some(other => overlap(box, other)));
      const name = chart.querySelector('h3')?.textContent ?? '';
      return [...(isOut ? [`${name} reaches out`] : []), ...(isOver ? [`${name} overlaps`] : [])];
    });
  });
}

describe.skipIf(!hasBrowser)('the report', () => {
  it('opens from disk, asks for nothing more, and has no complaint', () => {
    expect(requests).toEqual([expect.stringMatching(/^file:.*report\.html$/)]);
    expect(complaints).toEqual([]);
  });

  it('has charts of every kind, none of them empty', async () => {
    const titles = await page.locator('.chart h3').allTextContents();
    for (const title of [
      'Dice against size',
      'student minus baseline',
      'Anterior',
      'Anterior, teacher',
      'Total loss',
    ]) {
      expect(titles).toContain(title);
    }
    const drawn = await page
      .locator('.chart svg')
      .evaluateAll(all => all.map(svg => svg.querySelectorAll('path, circle, line, rect').length));
    expect(drawn.length).toBe(titles.length);
    expect(Math.min(...drawn)).toBeGreaterThan(5);
  });

  it.each([1280, 390])('fits %s pixels, and no text of a chart lies on another', async width => {
    await page.setViewportSize({ width, height: 844 });
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBe(width);
    expect(await troubledCharts()).toEqual([]);
  });

  it('shows nothing that axe-core finds fault with', () => expectAccessible(page, 'report'));

  it('is white on paper even for who prefers dark, and distinguishes arms without colour', async () => {
    await page.emulateMedia({ media: 'print', colorScheme: 'dark' });
    expect(await page.evaluate(() => getComputedStyle(document.body).backgroundColor)).toBe('rgb(255, 255, 255)');
    const dashes = await page
      .getByRole('img', { name: /^Total loss/ })
      .locator('[aria-label="line"]')
      .evaluateAll(lines => lines.map(line => line.getAttribute('stroke-dasharray') ?? 'none'));
    expect(new Set(dashes).size).toBe(3);
  });
});
