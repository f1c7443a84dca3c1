import { parseHTML } from 'linkedom';
import { describe, expect, it } from 'vitest';
import { type ReportInput, renderReport } from '../../../src/report/report.ts';
import type { StepRecord } from '../../../src/training/trainer.ts';
import { comparison, evaluation, pair, unit } from './fixtures.ts';

const ATTACK = '<script>alert("1")</script><img src=x onerror=alert(2)> &lt;';

function history(terms: Readonly<Record<string, number>>, steps: number): StepRecord[] {
  return Array.from({ length: steps }, (_, index) => ({
    step: index + 1,
    epoch: 1,
    seconds: index,
    learningRate: 0.01,
    losses: Object.fromEntries(Object.entries(terms).map(([term, value]) => [term, value / (index + 1)])),
    ...(index % 10 === 9 ? { validationDice: 1 - 1 / (index + 1) } : {}),
  }));
}

const input: ReportInput = {
  title: 'Three arms',
  recipe: 'seeds: [1]\n',
  provenance: { node: 'v20', date: '2026-11-23' },
  comparison: comparison([pair('student', 'baseline', 0.02, 0.2), pair('student', 'teacher', -0.03, 0.01)]),
  evaluations: {
    teacher: evaluation({ case1: { Anterior: 0.9, Posterior: 0.8 }, case2: { Anterior: 0.95, Posterior: 0.85 } }),
    student: evaluation({ case1: { Anterior: 0.8, Posterior: 0.7 }, case2: { Anterior: 0.85, Posterior: 0.75 } }),
    baseline: evaluation({ case1: { Anterior: 0.7, Posterior: 0.6 }, case3: { Anterior: 0.75, Posterior: 0.65 } }),
  },
  histories: { teacher: history({ crossEntropy: 1 }, 200), student: history({ crossEntropy: 2, kd: 1 }, 200) },
  montage: [
    {
      caseId: 'case1',
      reasons: ['worst mean Dice, 0.750', 'worst HD95 of Anterior, 7.20 mm'],
      judge: 'student',
      scores: { student: { 'mean Dice': '0.750', 'HD95 of Anterior': '7.20 mm' } },
      columns: ['image', 'student', 'errors of student'].map(title => ({
        title,
        png: new Uint8Array([137, 80, 78, 71]),
      })),
      legend: [{ name: 'Anterior', colour: '#e69f00', outline: 'solid' }],
      slice: 'sagittal slice 1 of 2',
      letters: { left: 'P', right: 'A', top: 'S', bottom: 'I' },
    },
  ],
  notes: ['Generated data.'],
  units: [],
};

function parse(report: string): Document {
  return parseHTML(report).document;
}

/** The figure of a chart whose text alternative starts like this. */
function findChart(document: Document, start: string): Element | undefined {
  return [...document.querySelectorAll('[role="img"]')].find(chart =>
    chart.getAttribute('aria-label')?.startsWith(start),
  );
}

function chartLabels(document: Document): string[] {
  return [...document.querySelectorAll('[role="img"]')].map(chart => chart.getAttribute('aria-label') ?? '');
}

/** Tooltips of a chart's points. */
function pointTitles(document: Document, start: string): (string | null)[] {
  return [...(findChart(document, start)?.querySelectorAll('title') ?? [])].map(node => node.textContent);
}

/** Text of a table's row by its heading, cell by cell. */
function row(document: Document, heading: string): string[] {
  const head = [...document.querySelectorAll('tbody th')].find(cell => cell.textContent === heading);
  return [...(head?.parentElement?.querySelectorAll('td') ?? [])].map(cell => cell.textContent ?? '');
}

describe('the cases in pictures', () => {
  it('say why a case is shown, its scores, what lies where in the patient, and what the colours of errors mean', () => {
    const document = parse(renderReport(input));
    const pictures = document.querySelector('.pictures');
    const section = pictures?.parentElement;
    expect([...(section?.querySelectorAll('h3') ?? [])].map(heading => heading.textContent)).toEqual([
      'case1: worst mean Dice, 0.750; worst HD95 of Anterior, 7.20 mm',
    ]);
    const rows = [...(section?.querySelectorAll('.pictures') ?? [])].map(one =>
      [...one.querySelectorAll('figcaption')].map(caption => caption.textContent),
    );
    expect(rows).toEqual([['image', 'student'], ['errors of student']]);
    expect(row(document, 'HD95 of Anterior')).toEqual(['7.20 mm']);
    for (const figure of pictures?.querySelectorAll('figure') ?? []) {
      expect([...figure.querySelectorAll('span')].map(({ className, textContent }) => className + textContent)).toEqual(
        ['leftP', 'rightA', 'topS', 'bottomI'],
      );
    }
    expect(pictures?.querySelector('img')?.getAttribute('alt')).toContain('its left the back of the patient');
    const [, errors] = section?.querySelectorAll('.legend') ?? [];
    expect(errors?.textContent).toMatch(/missed \(filled\).*made up \(striped\).*wrong structure \(dotted\)/);
  });
});

describe('the report of a study that is not whole', () => {
  const progress = { stage: 'train', done: 30, total: 90, unit: 'step', secondsPerStep: 2, etaSeconds: 120 };
  const error = { code: 'E_LOSS_NOT_FINITE', message: 'the loss is <NaN>' };
  const units = [unit('done'), unit('running', { progress }), unit('failed', { error }), unit('waiting')];

  it('says what is missing and why, and that it can be read again while somebody is running', () => {
    const document = parse(renderReport({ ...input, units }));
    const section = document.querySelector('section');
    expect(section?.querySelector('h2')?.textContent).toBe('Missing units');
    expect(section?.querySelector('.explain')?.textContent).toContain(
      '1 of 4 units done, 1 waiting, 1 running, 1 failed',
    );
    const rows = [...(section?.querySelectorAll('tbody tr') ?? [])].map(row => row.textContent);
    expect(rows).toEqual([
      'a running onerunningtrain: 30/90 steps, ETA 2 min 00 sattempt 1 on node-1',
      'a failed onefailedE_LOSS_NOT_FINITE: the loss is <NaN>attempt 1 on node-1',
      'a waiting onewaiting',
    ]);
    // a page that reloads itself takes its reader's place away, so it says that there is more and leaves it to them
    expect(document.querySelector('meta[http-equiv="refresh"]')).toBeNull();
    expect(document.querySelector('header .note a')?.textContent).toBe('Read it again');
  });

  it('is not read again where nobody is running, and says nothing where all is done', () => {
    const stopped = renderReport({ ...input, units: [unit('done'), unit('failed', { error })] });
    expect(stopped).toContain('Missing units');
    expect(stopped).not.toContain('Read it again');
    expect(renderReport({ ...input, units: [unit('done')] })).toBe(renderReport(input));
  });
});

describe('the report', () => {
  it('escapes case ids, class names, arms, titles, notes, recipe and provenance', () => {
    const hostile = evaluation({ [ATTACK]: { [ATTACK]: 0.5 } });
    const report = renderReport({
      ...input,
      title: ATTACK,
      recipe: `# </code></pre>${ATTACK}`,
      provenance: { [ATTACK]: ATTACK },
      comparison: {
        arms: {
          ...input.comparison.arms,
          [ATTACK]: { ...input.comparison.arms['student']!, classes: { [ATTACK]: 0.5 } },
        },
        pairs: [{ ...pair(ATTACK, 'teacher', 0.1, 0.01), metric: `dice:${ATTACK}`, sentence: ATTACK }],
      },
      evaluations: { [ATTACK]: hostile, teacher: hostile },
      histories: { [ATTACK]: history({ [ATTACK]: 1 }, 20) },
      montage: [
        { ...input.montage[0]!, caseId: ATTACK, legend: [{ name: ATTACK, colour: '#000000', outline: 'solid' }] },
      ],
      notes: [ATTACK],
      command: ATTACK,
    });
    expect(report).not.toContain('<script');
    expect(report).not.toContain('<img src=x');
    const document = parse(report);
    expect(document.querySelectorAll('script, [onerror], [onload]')).toHaveLength(0);
    expect(document.querySelector('h1')?.textContent).toBe(ATTACK);
    expect(chartLabels(document)).toContainEqual(expect.stringContaining(`${ATTACK}: from 1.000 to 0.050`));
    expect(pointTitles(document, `${ATTACK}. teacher: median`)).toContain(`${ATTACK}: 0.500`);
    expect(document.querySelector('img')?.getAttribute('alt')).toContain(`Case ${ATTACK}`);
  });

  it('forbids everything but inline styles and embedded pictures, and refers to nothing outside', () => {
    const report = renderReport(input);
    const policy = parse(report).querySelector('meta[http-equiv="Content-Security-Policy"]')?.getAttribute('content');
    expect(policy).toContain("default-src 'none'");
    expect(policy).toContain('img-src data:');
    expect(policy).not.toContain('script-src');
    expect(report.replaceAll('http://www.w3.org/', '')).not.toMatch(/https?:\/\//);
    expect(report).toContain('src="data:image/png;base64,iVBORw=="');
  });

  it('gives the same text for the same input, however often it is asked', () => {
    expect(renderReport(input)).toBe(renderReport(input));
  });

  it('puts cost beside its share of the teacher', () => {
    const cells = row(parse(renderReport(input)), 'Parameters');
    expect(cells).toEqual(['100 k', '62506.25 % of teacher', '62506.25 % of teacher']);
  });

  it('writes n/a for a score that a JSON file holds as null', () => {
    const teacher = input.evaluations['teacher']!;
    const nothing = { mean: null as unknown as number, ci95: [0, 0] as const, n: 0 };
    const classes = { Anterior: { ...teacher.summary.classes['Anterior']!, hd95Mm: nothing } };
    const broken = { ...teacher, summary: { ...teacher.summary, classes } };
    const document = parse(renderReport({ ...input, evaluations: { ...input.evaluations, teacher: broken } }));
    const [teacherCell, studentCell] = row(document, 'HD95, Anterior (mm)');
    expect(teacherCell).toBe('n/a');
    expect(studentCell).toMatch(/^2\.25/);
  });

  it('counts empty classes of every arm', () => {
    expect(row(parse(renderReport(input)), 'Anterior')).toEqual(['3 / 1', '3 / 1', '3 / 1']);
  });

  it('draws one panel per loss term and one for validation, each with a text alternative that names the arms', () => {
    const document = parse(renderReport(input));
    const labels = chartLabels(document);
    expect(labels.find(label => label.startsWith('Validation Dice'))).toContain('teacher: from 0.900 to 0.995');
    expect(labels.find(label => label.startsWith('Cross-entropy'))).toMatch(/teacher: .*student: /);
    const distillation = labels.find(label => label.startsWith('Distillation (KL)'));
    expect(distillation).toContain('student');
    expect(distillation).not.toContain('teacher');
  });

  it('thins a long curve to means of consecutive steps', () => {
    const rows = history({ crossEntropy: 1 }, 1200).map((entry, index) => ({
      ...entry,
      losses: { flat: index < 20 ? 5 : 1 },
    }));
    const document = parse(renderReport({ ...input, histories: { teacher: rows } }));
    const flat = findChart(document, 'flat');
    expect(flat?.getAttribute('aria-label')).toContain('teacher: from 5.000 to 1.000');
    const path = flat?.querySelector('[aria-label="line"] path')?.getAttribute('d') ?? '';
    expect(path.split('L')).toHaveLength(60);
  });

  it('draws a paired difference for the cases that both arms have, and no other', () => {
    const document = parse(renderReport(input));
    expect(pointTitles(document, 'student minus baseline')).toEqual(['case1: +0.100']);
    expect(pointTitles(document, 'student minus teacher')).toEqual(['case1: \u22120.100', 'case2: \u22120.100']);
  });

  it('draws a point for every case of every arm in the chart of a class', () => {
    const document = parse(renderReport(input));
    expect(pointTitles(document, 'Posterior')).toEqual([
      'case1: 0.800',
      'case2: 0.850',
      'case1: 0.700',
      'case2: 0.750',
      'case1: 0.600',
      'case3: 0.650',
    ]);
    expect(findChart(document, 'Posterior')?.getAttribute('aria-label')).toContain(
      'teacher: median Dice 0.825, quartiles 0.813 to 0.838',
    );
  });

  it('is semantic: every table has a caption and row headings, every picture an alternative', () => {
    const document = parse(renderReport(input));
    const tables = [...document.querySelectorAll('table')];
    expect(tables.length).toBeGreaterThan(0);
    for (const table of tables) {
      expect(table.querySelector('caption')?.textContent).not.toBe('');
      expect(table.querySelectorAll('tbody th[scope="row"]')).toHaveLength(table.querySelectorAll('tbody tr').length);
    }
    expect(chartLabels(document)).toHaveLength(document.querySelectorAll('svg').length);
    for (const picture of document.querySelectorAll('img')) expect(picture.getAttribute('alt')).toContain('case1');
  });

  it('shows each seed where there are several', () => {
    const student = input.comparison.arms['student']!;
    const seeds = { 1: { ...student, meanDice: 0.811 }, 2: { ...student, meanDice: 0.822 } };
    const several = { ...input.comparison, arms: { ...input.comparison.arms, student: { ...student, seeds } } };
    const document = parse(renderReport({ ...input, comparison: several }));
    expect(row(document, 'seed 2')).toEqual(['n/a', expect.stringMatching(/^0\.822/), 'n/a']);
    expect(row(parse(renderReport(input)), 'seed 1')).toEqual([]);
  });

  it('leaves out the sections that have nothing to show', () => {
    const report = renderReport({
      ...input,
      evaluations: {},
      histories: {},
      montage: [],
      comparison: { arms: {}, pairs: [] },
    });
    const headings = [...parse(report).querySelectorAll('h2')].map(heading => heading.textContent);
    expect(headings).toEqual(['Arms side by side', 'How to repeat it', 'Recipe']);
  });

  it('says per class how the arms err, and draws how far their probabilities can be trusted', () => {
    const document = parse(renderReport(input));
    expect(row(document, 'Volume error (% of reference), Anterior')).toEqual([
      '−4.0−4.0 to −4.0, n\u00a0=\u00a02',
      '−4.0−4.0 to −4.0, n\u00a0=\u00a02',
      '−4.0−4.0 to −4.0, n\u00a0=\u00a02',
    ]);
    expect(row(document, 'Calibration error, Posterior')[0]).toContain('0.0040');
    const chart = findChart(document, 'Reliability, Anterior');
    expect(chart?.getAttribute('aria-label')).toContain('student: expected calibration error 0.0040');
    // a bin without voxels has no point: two per arm are left
    expect(chart?.querySelectorAll('[aria-label="dot"] path, [aria-label="dot"] circle').length).toBe(6);
  });

  it('leaves reliability out where no probabilities were recorded', () => {
    const [name, one] = Object.entries(input.evaluations)[0]!;
    const report = renderReport({ ...input, evaluations: { [name]: { ...one, calibration: {} } } });
    expect(report).not.toContain('Whether probabilities mean');
  });

  it('draws the agreement of volumes per class and arm, with the limits after Bland and Altman', () => {
    const [name, one] = Object.entries(input.evaluations)[0]!;
    const references = [1, 2, 3];
    const cases = [1.5, 2, 3.1].map((volumeMl, index) => {
      const score = { ...one.cases[0]!.classes['Anterior']!, volumeMl, referenceMl: references[index]! };
      return { id: `case ${index}`, meanDice: 0.8, classes: { Anterior: score } };
    });
    const report = renderReport({ ...input, evaluations: { [name]: { ...one, cases } } });
    const label = chartLabels(parse(report)).find(text => text.startsWith(`Anterior, ${name}. Differences`));
    // differences 0.5, 0, 0.1: mean 0.2, standard deviation sqrt(0.07)
    expect(label).toContain('mean 0.20 ml, limits of agreement −0.32 to 0.72 ml');
    expect(pointTitles(parse(report), `Anterior, ${name}`)).toEqual([
      'case 0: 0.50 ml',
      'case 1: 0.00 ml',
      'case 2: 0.10 ml',
    ]);
  });

  it('draws Dice against cost, with the arms on the Pareto front', () => {
    const labels = chartLabels(parse(renderReport(input)));
    // the baseline costs as much as the student and scores less
    expect(labels.find(text => text.startsWith('Dice against size'))).toMatch(/On the Pareto front: student, teacher$/);
    expect(labels.filter(text => text.startsWith('Dice against'))).toHaveLength(2);
  });
});
