/**
 * What a run's models were made of, as a CycloneDX 1.6 bill of materials (ML-BOM): models with hashes and scores, every
 * data file with its hash, and the software. See https://cyclonedx.org/docs/1.6/json/.
 */
import { ARMS } from '../../experiment/record.ts';
import type { RunFacts } from './model-card.ts';

/** A component of the bill; only the parts that are used here. */
interface Component {
  readonly type: 'machine-learning-model' | 'data' | 'file' | 'library';
  readonly 'bom-ref': string;
  readonly name: string;
  readonly version?: string;
  readonly hashes?: readonly { readonly alg: 'SHA-256'; readonly content: string }[];
  readonly modelCard?: object;
  readonly data?: readonly object[];
  readonly components?: readonly Component[];
}

function modelsOf({ recipe, comparison, evaluations }: RunFacts): readonly Component[] {
  return ARMS.flatMap((arm): Component[] => {
    const [summary, evaluation] = [comparison.arms[arm], evaluations[arm]];
    if (summary === undefined || evaluation === undefined) return [];
    const own = recipe[arm === 'teacher' ? 'teacher' : 'student'];
    const family = Object.keys(own).find(key => key !== 'train') ?? 'unknown';
    const metrics = Object.entries(evaluation.summary.classes).map(([name, { dice }]) => ({
      type: 'Dice',
      slice: name,
      value: String(dice.mean),
      ...(Number.isFinite(dice.ci95[0]) && {
        confidenceInterval: { lowerBound: String(dice.ci95[0]), upperBound: String(dice.ci95[1]) },
      }),
    }));
    return [
      {
        type: 'machine-learning-model',
        'bom-ref': `model-${arm}`,
        name: arm,
        hashes: [{ alg: 'SHA-256', content: evaluation.model.sha256 }],
        modelCard: {
          modelParameters: {
            approach: { type: 'supervised' },
            task: 'segmentation',
            architectureFamily: 'convolutional neural network',
            modelArchitecture: family,
            datasets: [{ ref: 'data' }],
            inputs: [{ format: 'float32 [N, C, D, H, W]' }],
            outputs: [{ format: 'float32 logits [N, classes, D, H, W]' }],
          },
          quantitativeAnalysis: { performanceMetrics: metrics },
        },
      },
    ];
  });
}

/**
 * The bill.
 * @param options.serial 32 hexadecimal digits that no other bill has
 * @returns undefined where the run has no record
 */
export function billOfMaterials(facts: RunFacts, { serial }: { readonly serial: string }): object | undefined {
  const { record } = facts.run;
  if (record === undefined) return undefined;
  const { voxstill = 'unknown', ...others } = record.versions;
  const files = Object.entries(record.dataHashes).map(
    ([path, content]): Component => ({
      type: 'file',
      'bom-ref': `data/${path}`,
      name: path,
      hashes: [{ alg: 'SHA-256', content }],
    }),
  );
  const data: Component = {
    type: 'data',
    'bom-ref': 'data',
    name: facts.data.dataset,
    data: [{ type: 'dataset', name: facts.data.dataset }],
    components: files,
  };
  const libraries = Object.entries(others).map(
    ([name, version]): Component => ({ type: 'library', 'bom-ref': `software-${name}`, name, version }),
  );
  const models = modelsOf(facts);
  const digits = serial.replace(/^(.{8})(.{4}).(.{3}).(.{3})(.{12}).*$/, '$1-$2-8$3-8$4-$5');
  return {
    bomFormat: 'CycloneDX',
    specVersion: '1.6',
    serialNumber: `urn:uuid:${digits}`,
    version: 1,
    metadata: {
      timestamp: record.startedAt,
      tools: { components: [{ type: 'application', name: 'voxstill', version: voxstill }] },
    },
    components: [...models, data, ...libraries],
    dependencies: models.map(model => ({
      ref: model['bom-ref'],
      dependsOn: ['data', ...(model.name === 'student' && models.length > 1 ? ['model-teacher'] : [])].filter(
        ref => ref === 'data' || models.some(other => other['bom-ref'] === ref),
      ),
    })),
  };
}
