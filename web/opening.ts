/** What happens to files that a person opens: models are added, one image is shown, of several a person is asked. */
import { InputError } from '../src/core/errors.ts';
import type { ActionsView } from './actions-view.ts';
import { type Chosen, chooseImage } from './chooser.ts';
import { withoutTwins } from './dropped-files.ts';
import { wantedWithoutDoubt } from './file-roles.ts';
import type { ImageChoice } from './image-choices.ts';
import { mayReplaceImage } from './leaving.ts';
import { guarded, showError } from './message.ts';
import type { ModelsView } from './models-view.ts';
import { codecSources } from './own-files.ts';
import type { PageState } from './page-state.ts';
import type { DroppedFile } from './protocol.ts';
import type { SegmentationView } from './segmentation-view.ts';
import type { Client } from './worker-client.ts';

/** The parts of the page that files go to. */
export interface Destinations {
  readonly state: PageState;
  readonly client: Client;
  readonly actions: ActionsView;
  readonly models: ModelsView;
  readonly segmentations: SegmentationView;
  /** Reads and shows a case; what is wanted is left open where there is one image only. */
  readonly show: (files: readonly DroppedFile[], chosen: Chosen & { kind: 'case' }) => Promise<void>;
  readonly showOnly: (files: readonly DroppedFile[]) => Promise<void>;
  readonly openSession: (archive: Blob, given: readonly DroppedFile[]) => Promise<void>;
  readonly segmentEach: (files: readonly DroppedFile[], images: readonly ImageChoice[]) => Promise<void>;
}

/** What the page saves sessions as; nothing else that it opens is an archive of that kind. */
const SESSION = /\.zip$/i;

/** Files of models, each with the JSON of its name, and all others. */
export function withoutModels(files: readonly DroppedFile[]): readonly [models: DroppedFile[], images: DroppedFile[]] {
  const stems = new Set(files.flatMap(({ path }) => /^(.*)\.onnx$/i.exec(path)?.[1] ?? []));
  const isModel = ({ path }: DroppedFile): boolean =>
    /\.onnx$/i.test(path) || stems.has(/^(.*)\.json$/i.exec(path)?.[1] ?? '');
  return [files.filter(isModel), files.filter(file => !isModel(file))];
}

function sayBusy(): void {
  const advice = 'the page is still at work. Wait until it is done, or cancel it, and open the files again.';
  showError(new InputError('E_PAGE_BUSY', advice));
}

/** Opens files; anything that is not taken is said. */
export async function openFiles(given: readonly DroppedFile[], to: Destinations): Promise<void> {
  const { state, client, actions, models, segmentations } = to;
  const files = withoutTwins(given);
  if (files.length === 0) return;
  if (state.isBusy) return sayBusy();
  const [modelFiles, imageFiles] = withoutModels(files);
  if (modelFiles.length > 0) await guarded(() => models.add(modelFiles));
  if (imageFiles.length === 0) return;
  const [session, second] = imageFiles.filter(({ path }) => SESSION.test(path));
  if (second !== undefined) {
    return showError(
      new InputError('E_SESSION_FILE', 'there are two zip archives among the files. Open one session at a time.'),
    );
  }
  if (session !== undefined)
    return to.openSession(
      session.file,
      imageFiles.filter(one => one !== session),
    );
  if (!(await mayReplaceImage(state, segmentations.saveUnsaved))) return;
  if (state.isBusy) return sayBusy();
  if (imageFiles.length === 1) return to.showOnly(imageFiles);
  let images: readonly ImageChoice[] = [];
  await actions.busily(async () => {
    actions.showProgress('looking through the files');
    ({ images } = await client.run({ kind: 'look', files: imageFiles, codecs: codecSources() }, 'looked'));
  });
  if (images.length < 2) return to.showOnly(imageFiles);
  const wanted = wantedWithoutDoubt(images);
  const chosen: Chosen | undefined =
    wanted === undefined ? await chooseImage(images, state.chosen !== undefined) : { kind: 'case', wanted };
  if (chosen?.kind === 'case') await to.show(imageFiles, chosen);
  if (chosen?.kind === 'batch') await to.segmentEach(imageFiles, chosen.images);
}
