/** Groups of classes, for a teacher with fewer classes: the student's classes of one teacher class become one logit. */
import type { GraphBuilder, Value } from '../../graph/graph.ts';

/**
 * m_g = log sum_(c in g) exp s_c, so that softmax(m)_g is the sum of softmax(s)_c over the group.
 *
 * Probabilities are added up before anything softens them. So every method compares m with the teacher's logits as it
 * compares logits of the same classes, and kd is 0 at every temperature if the student's sums equal the teacher's
 * probabilities, however a sum is divided within its group. Sums of softened probabilities do not have this property: n
 * classes of p / n each would count n^(1 - 1/T) times as much as one class of p. The gradient is divided among the
 * classes of a group by their probabilities; only the labels teach how a sum is divided.
 * @param logits s, [N, K, D, H, W]; differentiated
 * @param groups channels of each group; a single one each for independent classes. Channels in no group are left out
 * @returns m, [N, groups, D, H, W]
 */
export function groupedLogits(builder: GraphBuilder, logits: Value, groups: readonly (readonly number[])[]): Value {
  // log(e^a + e^b) = a + log(1 + e^(b - a))
  const joined = (a: Value, b: Value): Value => builder.add(a, builder.apply('Softplus', [builder.sub(b, a)], {}));
  const channel = (index: number): Value => builder.slice(logits, 1, index, index + 1);
  return builder.concat(
    groups.map(group => group.map(channel).reduce(joined)),
    1,
  );
}
