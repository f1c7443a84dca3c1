/** The models that can be chosen: those of the study that is served, and those that a person opened. */
import { InputError } from '../src/core/errors.ts';
import type { StudyOverview } from '../src/study/overview.ts';
import { byId, make } from './elements.ts';
import { hideMessage } from './message.ts';
import { choicesOf, type ModelChoice, readDroppedModels } from './models.ts';
import type { PageState } from './page-state.ts';
import type { DroppedFile } from './protocol.ts';

export interface ModelsView {
  /**
   * Adds the models among files and chooses the last one.
   * @throws {InputError} E_NO_MODEL if there is none, and as readDroppedModels
   */
  add(files: readonly DroppedFile[]): Promise<void>;
  /** Chooses one of those that are there. */
  choose(choice: ModelChoice): Promise<void>;
  /** Takes the models of a study as it is now; chooses a student where nothing is chosen yet. */
  update(study: StudyOverview): Promise<void>;
}

/** @param onChosen is called whenever another model is chosen */
export function createModelsView(state: PageState, onChosen: () => Promise<void>): ModelsView {
  function choose(choice: ModelChoice): Promise<void> {
    state.chosen = choice;
    return onChosen();
  }

  function render(): void {
    const rows = state.choices.map(choice => {
      const radio = make('input', { type: 'radio', name: 'model' }) as HTMLInputElement;
      radio.checked = choice === state.chosen;
      radio.addEventListener('change', () => choose(choice));
      return make('label', { class: 'choice' }, radio, choice.name);
    });
    if (rows.length > 0) byId('models').replaceChildren(...rows);
  }

  return {
    async add(files) {
      const added = await readDroppedModels(files);
      if (added.length === 0) throw new InputError('E_NO_MODEL', 'none of these files is an .onnx model.');
      hideMessage();
      state.choices = [...state.choices.filter(({ name }) => added.every(one => one.name !== name)), ...added];
      await choose(added.at(-1)!);
      render();
    },

    async choose(choice) {
      await choose(choice);
      render();
    },

    async update(study) {
      const known = state.choices;
      state.choices = [
        ...choicesOf(study).map(choice => known.find(({ name }) => name === choice.name) ?? choice),
        ...known.filter(({ name }) => /\.onnx$/i.test(name)),
      ];
      const { choices } = state;
      if (choices.length === known.length) return;
      if (state.chosen === undefined) await choose(choices.find(({ name }) => name.includes('student')) ?? choices[0]!);
      render();
    },
  };
}
