/** Where the files of one arm are. */
/** Files of one arm of one fold and seed. */
export interface ArmFolder {
  readonly folder: string;
  readonly model: string;
  readonly history: string;
  /** A folder. */
  readonly checkpoint: string;
  readonly evaluation: string;
  /** The same on the validation cases, where something is chosen by it. */
  readonly validation: string;
  /** A folder: the segmentations of the test cases. */
  readonly predictions: string;
}

/** Where the files of an arm lie in its folder. */
export function armFolder(folder: string): ArmFolder {
  return {
    folder,
    model: `${folder}/model.onnx`,
    history: `${folder}/history.csv`,
    checkpoint: `${folder}/checkpoint`,
    evaluation: `${folder}/evaluation.json`,
    validation: `${folder}/validation.json`,
    predictions: `${folder}/predictions`,
  };
}
