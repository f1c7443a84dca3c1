/** What the intensities of one channel of a case are like before normalisation. */
/** Of the finite voxels of one channel of a case, before normalisation. */
export interface ChannelIntensities {
  readonly minimum: number;
  readonly maximum: number;
  readonly mean: number;
  /** Population standard deviation. */
  readonly deviation: number;
}
