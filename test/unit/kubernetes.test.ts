/** The example manifest against Kubernetes' own schema; see test/fixtures/make-kubernetes-schema.py. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { z } from 'zod';

const read = (path: string): string => readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8');
const schema = z.fromJSONSchema(JSON.parse(read('test/fixtures/kubernetes/job-batch-v1.json')));
const text = read('examples/kubernetes/job.yaml');

describe('the manifest of an indexed job', () => {
  it('is one that Kubernetes takes', () => {
    expect(schema.safeParse(parse(text)).error?.issues).toBeUndefined();
  });

  it.each([
    ['a misspelt key', text.replace('completionMode:', 'completionsMode:')],
    ['a misspelt key deep in a pod', text.replace('mountPath: /data', 'mountpath: /data')],
    ['words where a number belongs', text.replace('completions: 24', 'completions: all')],
    ['nothing to run', text.replace(/template:[\s\S]*/, '')],
  ])('would be found out with %s', (_, changed) => {
    expect(changed).not.toBe(text);
    expect(schema.safeParse(parse(changed)).success).toBe(false);
  });

  it('starts the documented command once per unit', () => {
    const { spec } = parse(text);
    expect(spec.completionMode).toBe('Indexed');
    expect(spec.template.spec.containers[0].args.slice(0, 2)).toEqual(['unit', '/work/sizes']);
  });
});
