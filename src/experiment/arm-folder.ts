/** Paths of the files of one arm. */

/** Paths of the files of one arm of one fold and seed. */
export interface ArmFolder {
  readonly folder: string;
  readonly model: string;
  readonly history: string;
  /** What the training started from, if that is a model. */
  readonly start: string;
  /** Folder of the checkpoints. */
  readonly checkpoint: string;
  readonly evaluation: string;
  /** Evaluation on the validation cases, if something is chosen by it. */
  readonly validation: string;
  /** Folder with the segmentations of the test cases. */
  readonly predictions: string;
}

/** Paths of the files in an arm's folder. */
export function armFolder(folder: string): ArmFolder {
  return {
    folder,
    model: `${folder}/model.onnx`,
    history: `${folder}/history.csv`,
    start: `${folder}/start.json`,
    checkpoint: `${folder}/checkpoint`,
    evaluation: `${folder}/evaluation.json`,
    validation: `${folder}/validation.json`,
    predictions: `${folder}/predictions`,
  };
}
