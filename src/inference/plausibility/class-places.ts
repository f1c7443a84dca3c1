/**
 * Whether the classes of a result lie where they lay in the training cases, seen from the middle of all of them. An
 * image whose header exchanges its axes has structures of plausible volumes at wrong places.
 *
 * A place is far along an axis if it is outside of [min - m, max + m] of the training cases, m = 0.1 e (1 + 2 / n) for
 * n cases whose images have the median extent e. A class whose own places spread over more than 0.2 e, as those of
 * tumours do, is not asked along this axis. Centres of the Decathlon's hippocampus spread over at most 0.18 e in 200
 * cases, those of ten structures in 15 whole heads over at most 0.16 e.
 */
import { AXES, AXIS_NAMES } from '../../core/axes.ts';
import type { TrainingClass, TrainingFacts } from '../../data/training-facts.ts';
import type { Xyz } from '../../volume/volume.ts';
import { allowanceFor, type Expectation, type PlausibilityWarning, shown, shownRange } from './bounds.ts';

/** Share of the extent of the images beyond the training cases that is far. */
const FAR_SHARE = 0.1;
/** Share over which places of a class spread that may be anywhere. */
const SPREAD_SHARE = 0.2;

/** In which way a class lies elsewhere; undefined where it does not, or nobody knows. */
function elsewhere(
  place: Xyz,
  { name, placeMm }: TrainingClass,
  { extentMm, cases }: TrainingFacts,
): string | undefined {
  if (placeMm === undefined || extentMm === undefined) return undefined;
  const axis = AXES.find(one => {
    const { min, max } = placeMm[one];
    const extent = extentMm[one].median;
    const margin = FAR_SHARE * extent * allowanceFor(cases);
    return max - min <= SPREAD_SHARE * extent && (place[one] < min - margin || place[one] > max + margin);
  });
  if (axis === undefined) return undefined;
  return `${name} lies at ${shown(place[axis])} mm along ${AXIS_NAMES[axis]} from the middle of all classes, in training at ${shownRange(placeMm[axis])} mm`;
}

/**
 * Compares the places of the classes of a result with those of the training cases.
 * @param placesOf the places in the axes of a model, of classPlacesMm
 * @param models that gave the result; those without facts about their training are not asked
 * @param id of the volume, for the message
 * @returns one warning at most. Where a class is missing that every training case has, nothing is said: the middle has
 * moved, and the missing class has a warning of its own
 */
export function placeWarnings(
  placesOf: (axes: 'world' | 'stored') => Readonly<Record<string, Xyz>>,
  models: readonly Expectation[],
  id: string,
): readonly PlausibilityWarning[] {
  for (const { info, training } of models) {
    if (training?.classes?.some(({ placeMm }) => placeMm !== undefined) !== true) continue;
    const places = placesOf(info.orientation === 'RAS' ? 'world' : 'stored');
    if (training.classes.some(({ name, cases }) => cases === training.cases && places[name] === undefined)) continue;
    const found = training.classes.flatMap(one => {
      const place = places[one.name];
      return (place && elsewhere(place, one, training)) ?? [];
    });
    if (found.length === 0) continue;
    const message = `${id}: ${found.join('; ')}. The header of the image may exchange or reverse its axes. Look at the result before use.`;
    return [{ code: 'W_CLASS_PLACE', message }];
  }
  return [];
}
