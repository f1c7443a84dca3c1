/**
 * What the values of a label map are: classes of the task, further tissues, sides of the body. A value without a rule
 * is refused, since painting it as background would teach a network something wrong.
 */
import { InputError } from '../../core/errors.ts';
import { listSome } from '../../core/format.ts';
import { LABEL_VALUES, type LabelVolume } from '../../volume/volume.ts';
import type { LabelClass } from '../dataset-json.ts';
import type { AskedValues, SynthesisSettings } from './settings.ts';

/** Rules by label value. */
export interface LabelRules {
  /** Background first, then the classes in the order of the settings. */
  readonly labels: readonly LabelClass[];
  /** Class of each value; 0 for tissues that are background. */
  readonly classOf: Uint8Array;
  /** Class of each value once left and right are exchanged. */
  readonly mirroredClassOf: Uint8Array;
  /** Number of the intensity distribution of each value, the same for both of a pair; 0 for the value 0. */
  readonly paintOf: Uint16Array;
  /** Number of distributions. */
  readonly paints: number;
  /** Whether a value has a rule. */
  readonly isKnown: Uint8Array;
  /** Distributions that are missing at random. */
  readonly strips: readonly { readonly paints: readonly number[]; readonly probability: number }[];
}

const SPAN = /^(\d+)-(\d+)$/;
/** Classes are written with one byte each. */
const MOST_CLASSES = 255;

/** Label values as numbers, ascending, each once; undefined for what is neither a value nor a span. */
export function valuesOf(asked: AskedValues): readonly number[] | undefined {
  const values = new Set<number>();
  for (const one of [asked].flat() as readonly (number | string)[]) {
    const [from, to] = typeof one === 'number' ? [one, one] : (SPAN.exec(one)?.slice(1).map(Number) ?? []);
    if (from === undefined || to === undefined || from > to || from < 1 || to >= LABEL_VALUES) return undefined;
    for (let value = from; value <= to; value++) values.add(value);
  }
  return [...values].sort((left, right) => left - right);
}

/** A problem of the rules, and the key that has it. */
export interface RuleProblem {
  readonly path: readonly (string | number)[];
  readonly message: string;
}

type Rules = Pick<SynthesisSettings, 'classes' | 'others' | 'sides' | 'strips' | 'flip'>;

/** Whether the name of a class is that of one side of the body. */
function isOneSided(name: string): boolean {
  return /\b(left|right|lh|rh)\b/i.test(name.replaceAll(/[_.-]/g, ' '));
}

function overlaps(groups: readonly { readonly path: RuleProblem['path']; readonly values: readonly number[] }[]) {
  const owner = new Map<number, RuleProblem['path']>();
  return groups.flatMap(({ path, values }): RuleProblem[] => {
    const twice = values.filter(value => owner.has(value));
    for (const value of values) owner.set(value, path);
    if (twice.length === 0) return [];
    return [
      { path, message: `holds the value ${listSome(twice.map(String))}, which another class or others holds too` },
    ];
  });
}

function sideProblems({ sides, classes, flip }: Rules, known: ReadonlySet<number>): RuleProblem[] {
  const paired = sides.flat();
  const inPairs = new Set(paired);
  const wrong = sides.flatMap((pair, index): RuleProblem[] => {
    const unknown = pair.filter(value => !known.has(value));
    if (unknown.length === 0) return [];
    return [
      { path: ['sides', index], message: `names ${unknown.join(' and ')}, which neither classes nor others hold` },
    ];
  });
  const twice: RuleProblem[] =
    inPairs.size === paired.length ? [] : [{ path: ['sides'], message: 'a value may be in one pair only' }];
  const alone = Object.entries(classes).flatMap(([name, asked]): RuleProblem[] => {
    const values = valuesOf(asked) ?? [];
    if (!flip || !isOneSided(name) || values.every(value => inPairs.has(value))) return [];
    const message =
      'is named after one side of the body, and patches are mirrored. Pair its values with those of the other side in sides, or set flip to false';
    return [{ path: ['classes', name], message }];
  });
  return [...wrong, ...twice, ...alone];
}

/** Everything that is wrong with rules; empty if they can be used. */
export function problemsOfRules(rules: Rules): readonly RuleProblem[] {
  const named = Object.entries(rules.classes);
  const asked = [
    ...named.map(([name, values]) => ({ path: ['classes', name], values: valuesOf(values) })),
    { path: ['others'], values: valuesOf(rules.others) },
    ...rules.strips.map(({ values }, index) => ({ path: ['strips', index, 'values'], values: valuesOf(values) })),
  ];
  const unreadable = asked.flatMap(({ path, values }): RuleProblem[] => {
    if (values !== undefined && (values.length > 0 || path[0] === 'others')) return [];
    return [{ path, message: `needs label values of 1 to ${LABEL_VALUES - 1}: 3, "22-50", or a list of these` }];
  });
  if (unreadable.length > 0) return unreadable;
  const read = asked as readonly { readonly path: RuleProblem['path']; readonly values: readonly number[] }[];
  const painted = read.slice(0, named.length + 1);
  const others = new Set(painted.at(-1)?.values);
  const kept = read.slice(named.length + 1).flatMap(({ path, values }): RuleProblem[] => {
    const inClass = values.filter(value => !others.has(value));
    if (inClass.length === 0) return [];
    const message = `names ${listSome(inClass.map(String))}; only values of others can be missing, since the labels stay`;
    return [{ path, message }];
  });
  const background = named
    .filter(([name]) => name === 'background')
    .map(
      ([name]): RuleProblem => ({
        path: ['classes', name],
        message: 'is the name of what no class holds; choose another',
      }),
    );
  const size: RuleProblem[] =
    named.length >= 1 && named.length <= MOST_CLASSES
      ? []
      : [{ path: ['classes'], message: `needs 1 to ${MOST_CLASSES} classes` }];
  const known = new Set(painted.flatMap(({ values }) => values));
  return [...size, ...background, ...overlaps(painted), ...kept, ...sideProblems(rules, known)];
}

/** Rules in the form that painting needs. @param rules without problems */
export function labelRules(rules: Rules): LabelRules {
  const classOf = new Uint8Array(LABEL_VALUES);
  const isKnown = new Uint8Array(LABEL_VALUES);
  const paintOf = new Uint16Array(LABEL_VALUES);
  isKnown[0] = 1;
  const names = Object.entries(rules.classes);
  const groups = [...names.map(([, asked]) => valuesOf(asked) ?? []), valuesOf(rules.others) ?? []];
  groups.forEach((values, index) => {
    for (const value of values) {
      isKnown[value] = 1;
      classOf[value] = index < names.length ? index + 1 : 0;
    }
  });
  const partner = new Map(rules.sides.flatMap(([left, right]) => [[left, right] as const, [right, left] as const]));
  let paints = 1;
  for (let value = 1; value < LABEL_VALUES; value++) {
    if (isKnown[value] === 0) continue;
    const other = partner.get(value);
    paintOf[value] = other !== undefined && other < value ? paintOf[other]! : paints++;
  }
  const mirroredClassOf = classOf.slice();
  for (const [value, other] of partner) mirroredClassOf[value] = classOf[other]!;
  return {
    labels: [{ value: 0, name: 'background' }, ...names.map(([name], index) => ({ value: index + 1, name }))],
    classOf,
    mirroredClassOf,
    paintOf,
    paints,
    isKnown,
    strips: rules.strips.map(({ values, probability }) => ({
      paints: [...new Set((valuesOf(values) ?? []).map(value => paintOf[value]!))],
      probability,
    })),
  };
}

/**
 * Checks that every value of a label map has a rule.
 * @throws {InputError} E_LABEL_RULE
 */
export function assertRulesFor({ data }: Pick<LabelVolume, 'data'>, { isKnown }: LabelRules, path: string): void {
  const counts = new Map<number, number>();
  for (let i = 0; i < data.length; i++) {
    if (isKnown[data[i]!] === 0) counts.set(data[i]!, (counts.get(data[i]!) ?? 0) + 1);
  }
  if (counts.size === 0) return;
  const shown = [...counts]
    .sort(([left], [right]) => left - right)
    .map(([value, count]) => `${value} (${count} voxels)`);
  throw new InputError(
    'E_LABEL_RULE',
    `${path} has label values without a rule for painting: ${listSome(shown)}. Name them in data.synthesize, under classes or, if a network should not learn them, under others.`,
  );
}

/** The classes of a label map, by its values. */
export function classesOfMap(map: LabelVolume, { classOf }: Pick<LabelRules, 'classOf'>): LabelVolume {
  const data = new Uint8Array(map.data.length);
  for (let i = 0; i < data.length; i++) data[i] = classOf[map.data[i]!]!;
  return { ...map, data };
}
