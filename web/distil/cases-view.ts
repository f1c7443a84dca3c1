/**
 * The cases of a finished session: which have labels, which one should be looked at next, and what came of it when the
 * student went on from the corrected ones.
 */
import { formatDice, plural } from '../../src/core/format.ts';
import { byUncertainty } from '../../src/metrics/foreground-uncertainty.ts';
import type { CaseState, CorrectableCase } from '../../src/study/correction/corrections.ts';
import { checkMeans, type RoundResult } from '../../src/study/correction/round-result.ts';
import { byId, make } from '../elements.ts';
import type { DistilReply } from './protocol.ts';

type Standing = Extract<DistilReply, { kind: 'corrections' }>['corrections'];

const STATES: Readonly<Record<CaseState, string>> = {
  labelled: 'labelled',
  accepted: 'accepted',
  corrected: 'corrected',
  check: 'kept for the check, no label yet',
  unlabelled: 'no label',
};
/** Groups of rows, in their order. */
const ORDER: readonly CaseState[] = ['unlabelled', 'check', 'corrected', 'accepted', 'labelled'];

export interface CasesView {
  /** Shows what a worker says of the cases. */
  show(reply: DistilReply): void;
  /** Shows no cases. */
  clear(): void;
  /** Whether there is something that the student could go on from, and it is not running. */
  update(isBusy: boolean): void;
}

/** What the held-out check of a round said, in words. */
export function checkText(number: number, result: RoundResult): string {
  const means = checkMeans(result);
  const learnt = `Round ${number} learnt from ${plural(result.trained, 'labelled case')}. `;
  if (means === undefined) return `${learnt}It was not checked, since no case that is kept for the check had a label.`;
  const { before, after, n } = means;
  const figures = `Held-out check on ${plural(n, 'case')} that no training has seen: mean Dice ${formatDice(before)} before, ${formatDice(after)} now`;
  return `${learnt}${figures}, so ${result.isTaken ? 'the new student is used' : 'the student before is kept'}.`;
}

/** The check as far as it is known before a round. */
function outlookText(cases: readonly CorrectableCase[]): string {
  const heldOut = cases.filter(({ isHeldOut }) => isHeldOut);
  const ready = heldOut.filter(({ state }) => state !== 'check').length;
  if (ready > 0) return `A new student is checked on ${plural(ready, 'case')} that no training sees.`;
  if (heldOut.length === 0) return 'A new student cannot be checked: every case was trained on.';
  const names = heldOut.map(({ id }) => id).join(', ');
  return `A new student is not checked before one of these has a label, which are kept for that: ${names}.`;
}

/** @param open shows a case in the view of images */
export function createCasesView(open: (item: CorrectableCase, student: string) => void): CasesView {
  let standing: Standing | undefined;
  let isAtWork = false;

  function row(item: CorrectableCase, next: string | undefined): HTMLElement {
    const { id, state, isHeldOut, uncertainty } = item;
    const button = make('button', { type: 'button' }, id);
    button.addEventListener('click', () => standing && open(item, standing.student));
    const text = id === next ? 'look at this next' : STATES[state];
    const checks = isHeldOut && state !== 'check' ? ', checks the student' : '';
    return make(
      'tr',
      id === next ? { class: 'shown' } : {},
      make('th', { scope: 'row' }, button),
      make('td', {}, `${text}${checks}`),
      make('td', {}, uncertainty === undefined ? '' : uncertainty.toFixed(3)),
    );
  }

  function draw(): void {
    byId('distil-cases').hidden = standing === undefined;
    if (standing === undefined) return;
    const { cases, next, rounds } = standing;
    // cases that are not measured yet come after those that are
    const ranked = byUncertainty(cases.map(item => ({ ...item, uncertainty: item.uncertainty ?? -1 })));
    const place = new Map(ranked.map(({ id }, index) => [id, index]));
    const sorted = [...cases].sort(
      (left, right) =>
        ORDER.indexOf(left.state) - ORDER.indexOf(right.state) || place.get(left.id)! - place.get(right.id)!,
    );
    byId('distil-case-rows').replaceChildren(...sorted.map(item => row(item, next)));
    const finished = rounds.flatMap(({ number, result }) => (result === undefined ? [] : [checkText(number, result)]));
    byId('distil-rounds').replaceChildren(...finished.map(text => make('li', {}, text)));
    byId('distil-outlook').textContent = outlookText(cases);
    drawContinue();
  }

  function drawContinue(): void {
    const open = standing?.rounds.find(({ result }) => result === undefined);
    const hasNews = standing?.cases.some(({ state }) => state === 'accepted' || state === 'corrected') === true;
    const button = byId<HTMLButtonElement>('distil-continue');
    button.disabled = isAtWork || !(hasNews || open !== undefined);
    button.textContent = open === undefined ? 'Continue' : `Go on with round ${open.number}`;
    byId<HTMLInputElement>('distil-round-steps').disabled = isAtWork || open !== undefined;
  }

  return {
    show(reply) {
      if (reply.kind === 'corrections') standing = reply.corrections;
      if (reply.kind === 'measured' && standing !== undefined) {
        const { id, uncertainty } = reply.measured;
        const cases = standing.cases.map(item => (item.id === id ? { ...item, uncertainty } : item));
        const known = cases.flatMap(one =>
          one.state === 'unlabelled' && one.uncertainty !== undefined
            ? [{ id: one.id, uncertainty: one.uncertainty }]
            : [],
        );
        standing = { ...standing, cases, next: byUncertainty(known)[0]?.id };
      }
      if (reply.kind === 'progress') {
        byId('distil-measuring').textContent = `${reply.label}: ${reply.done} of ${reply.total}`;
      }
      if (reply.kind === 'corrections' || reply.kind === 'measured') draw();
    },
    clear() {
      standing = undefined;
      byId('distil-measuring').textContent = '';
      draw();
    },
    update(isBusy) {
      isAtWork = isBusy;
      drawContinue();
    },
  };
}
